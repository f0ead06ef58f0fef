package main

import (
	"net"
	"sync/atomic"
	"time"
)

// meter counts every byte that passes a listener's connections, headers and all. Below it is only TCP itself.
type meter struct {
	net.Listener
	up, down, connections atomic.Int64
}

// Accept returns the next connection, counted.
func (m *meter) Accept() (net.Conn, error) {
	conn, err := m.Listener.Accept()
	if err != nil {
		return nil, err
	}
	m.connections.Add(1)
	return &metered{conn, m}, nil
}

// settle returns what has passed since the last call. It waits a moment first: a client may have read an answer before the server's
// side has counted it.
func (m *meter) settle() (up, down int64) {
	time.Sleep(20 * time.Millisecond)
	return m.up.Swap(0), m.down.Swap(0)
}

type metered struct {
	net.Conn
	meter *meter
}

func (c *metered) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.meter.up.Add(int64(n))
	return n, err
}

func (c *metered) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.meter.down.Add(int64(n))
	return n, err
}
