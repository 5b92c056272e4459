package nimsim

import (
	"net"
	"net/http"
	"strconv"
	"time"
)

// transportFaults spoil the exchange below what is said in it.
var transportFaults = []Fault{
	Slow(50 * time.Millisecond),
	{Name: "hang", Does: "never answers", Roles: anyRole, serve: func(x *exchange) { x.wait(0) }},
	{Name: "stalled-body", Does: "sends half of the reply and then nothing more, the connection stays open", Roles: anyRole, serve: stalledBody},
	{Name: "reset", Does: "resets the connection before any reply", Roles: anyRole, serve: reset},
	{Name: "short-body", Does: "ends the connection before the announced length", Roles: anyRole, serve: shortBody},
	{Name: "redirected", Does: "307 to another host", Roles: anyRole, serve: redirected},
}

// Slow delays the reply.
func Slow(by time.Duration) Fault {
	return Fault{Name: "slow", Does: "a delay before the reply", Roles: anyRole, Harmless: true, serve: func(x *exchange) {
		if x.wait(by) {
			x.serve()
		}
	}}
}

func stalledBody(x *exchange) {
	reply := x.reply()
	reply.writeHead(x.w)
	_, _ = x.w.Write(reply.body.Bytes()[:reply.body.Len()/2])
	_ = http.NewResponseController(x.w).Flush()
	x.wait(0)
	panic(http.ErrAbortHandler)
}

func reset(x *exchange) {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 has no connection to take; this resets the stream
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // RST instead of FIN
	}
	_ = conn.Close()
}

func shortBody(x *exchange) {
	reply := x.reply()
	x.w.Header().Set("Content-Length", strconv.Itoa(reply.body.Len()))
	reply.writeHead(x.w)
	_, _ = x.w.Write(reply.body.Bytes()[:reply.body.Len()/2])
	panic(http.ErrAbortHandler)
}

func redirected(x *exchange) {
	x.w.Header().Set("Location", x.sim.options.Elsewhere+x.r.URL.Path)
	x.w.WriteHeader(http.StatusTemporaryRedirect)
}
