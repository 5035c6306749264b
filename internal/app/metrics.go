package app

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"usher/internal/rest"
)

// metrics counts what the process does. Labels hold names of routes and kinds, never anything that a caller sent.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry(), requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "usher_http_request_seconds", Help: "Time that REST requests took.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
	}, []string{"product", "method", "status"})}
	m.registry.MustRegister(m.requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// request counts one REST request.
func (m *metrics) request(o rest.Observation) {
	m.requests.WithLabelValues(o.Product, o.Method, strconv.Itoa(o.Status)).Observe(o.Took.Seconds())
}

// watch adds the gauges of running parts.
func (m *metrics) watch(p *parts) {
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("usher_stream_connections", "Open connections of the stream.", func() float64 { return float64(p.stream.Stats().Open) })
	gauge("usher_stream_slow_total", "Connections that were cut because they did not read.", func() float64 { return float64(p.stream.Stats().Slow) })
	gauge("usher_twilsock_connections", "Open connections of chat SDKs.", func() float64 { return float64(p.twilsock.Stats().Open) })
	gauge("usher_twilsock_slow_total", "Connections of chat SDKs that were cut because they did not read.", func() float64 { return float64(p.twilsock.Stats().Slow) })
	gauge("usher_stream_refused_total", "Connections whose token was refused.", func() float64 { return float64(p.stream.Stats().Refused) })
}

// handler serves GET /metrics.
func (m *metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}
