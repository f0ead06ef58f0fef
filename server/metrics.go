package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics counts what happens. Labels are route templates, codes and kinds of things, never ids or anything of a person.
type metrics struct {
	registry                   *prometheus.Registry
	requests                   *prometheus.CounterVec // method, route, status
	seconds                    *prometheus.HistogramVec
	lines                      prometheus.Counter
	remarks                    *prometheus.CounterVec // code
	truncated                  prometheus.Counter
	resends                    prometheus.Counter
	listeners                  prometheus.Gauge
	refreshed                  prometheus.Counter
	photos                     *prometheus.CounterVec // outcome
	bytes                      prometheus.Counter
	backupsFailed, compactions prometheus.Counter
	panics                     prometheus.Counter
	hooks                      *prometheus.CounterVec // outcome
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
		backupsFailed: counter("backups_failed_total", "Backups that could not be made or verified."),
		compactions:   counter("compactions_total", "Times that the store's file was written anew."),
		bytes:         counter("photo_bytes_total", "Bytes of photos received."),
		panics:        counter("panics_total", "Requests that ended in a defect which was caught."),
		hooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "arpenteur", Name: "webhook_attempts_total", Help: "Attempts to deliver a message to a webhook, by outcome: taken or failed.",
		}, []string{"outcome"}),
	}
	m.registry.MustRegister(
		m.requests, m.seconds, m.lines, m.remarks, m.truncated, m.resends, m.listeners, m.refreshed, m.photos, m.bytes, m.backupsFailed, m.compactions,
		m.panics, m.hooks,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// delivered counts an attempt to deliver a message to a webhook.
func (m *metrics) delivered(ok bool) {
	outcome := "failed"
	if ok {
		outcome = "taken"
	}
	m.hooks.WithLabelValues(outcome).Inc()
}

// backupFigures are the figures of the newest verified backup. A server that has none tells none: an alarm on their absence is the one to set.
type backupFigures struct{ s *Server }

func (f *backupFigures) describe() (age, seconds, size *prometheus.Desc) {
	return prometheus.NewDesc("arpenteur_backup_age_seconds", "Time since the newest verified backup was begun.", nil, nil),
		prometheus.NewDesc("arpenteur_backup_seconds", "Time that the newest verified backup took.", nil, nil),
		prometheus.NewDesc("arpenteur_backup_bytes", "Size of the newest verified backup, photos apart.", nil, nil)
}

// Describe implements prometheus.Collector.
func (f *backupFigures) Describe(to chan<- *prometheus.Desc) {
	age, seconds, size := f.describe()
	to <- age
	to <- seconds
	to <- size
}

// Collect implements prometheus.Collector.
func (f *backupFigures) Collect(to chan<- prometheus.Metric) {
	newest, err := f.s.newestBackup(context.Background())
	if err != nil || newest.Number == 0 {
		return
	}
	age, seconds, size := f.describe()
	now := f.s.Now().Sub(time.UnixMilli(newest.Made)).Seconds()
	to <- prometheus.MustNewConstMetric(age, prometheus.GaugeValue, now)
	to <- prometheus.MustNewConstMetric(seconds, prometheus.GaugeValue, float64(newest.Seconds))
	to <- prometheus.MustNewConstMetric(size, prometheus.GaugeValue, float64(newest.Bytes))
}
