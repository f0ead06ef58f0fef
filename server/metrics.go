package server

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics counts what happens. Labels are route templates, codes and kinds of things, never ids or anything of a person.
type metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec // method, route, status
	seconds   *prometheus.HistogramVec
	lines     prometheus.Counter
	remarks   *prometheus.CounterVec // code
	truncated prometheus.Counter
	resends   prometheus.Counter
	listeners prometheus.Gauge
	refreshed prometheus.Counter
	photos    *prometheus.CounterVec // outcome
	bytes     prometheus.Counter
	panics    prometheus.Counter
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "arpenteur", Name: name, Help: help})
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "arpenteur", Name: "http_requests_total", Help: "Requests answered, by method, route and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "arpenteur", Name: "http_request_seconds", Help: "Time from a request's header to the end of its answer.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10, 60, 300},
		}, []string{"route"}),
		lines: counter("sync_lines_total", "Lines taken that were not held before."),
		remarks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "arpenteur", Name: "sync_remarks_total", Help: "What was not taken, or was taken with a remark, by code.",
		}, []string{"code"}),
		truncated: counter("sync_truncated_total", "Sync bodies that were cut on their way here."),
		resends:   counter("sync_resends_total", "Clients asked for their full vectors."),
		listeners: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "arpenteur", Name: "event_listeners", Help: "Open event streams."}),
		refreshed: counter("refreshed_records_total", "Records merged anew after a checklist was published."),
		photos: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "arpenteur", Name: "photo_parts_total", Help: "Parts of photos that were sent, by what became of them: whole, part, held, or a code.",
		}, []string{"outcome"}),
		bytes:  counter("photo_bytes_total", "Bytes of photos received."),
		panics: counter("panics_total", "Requests that ended in a defect which was caught."),
	}
	m.registry.MustRegister(
		m.requests, m.seconds, m.lines, m.remarks, m.truncated, m.resends, m.listeners, m.refreshed, m.photos, m.bytes, m.panics,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}
