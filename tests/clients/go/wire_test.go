package clients

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2/client"
)

// Nothing that is waited for takes longer, even on a busy machine.
const patience = 30 * time.Second

func connect(t *testing.T, proxy *toxiproxy.Proxy) *net.TCPConn {
	t.Helper()
	conn := must[net.Conn](t)(net.Dial("tcp", proxy.Listen))
	t.Cleanup(func() { conn.Close() })
	ok(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn.(*net.TCPConn)
}

// answer sends this on a connection of its own, and reads as much.
func answer(t *testing.T, proxy *toxiproxy.Proxy, said string) string {
	t.Helper()
	conn := connect(t, proxy)
	must[int](t)(io.WriteString(conn, said))
	heard := make([]byte, len(said))
	must[int](t)(io.ReadFull(conn, heard))
	return string(heard)
}

// rest sends this and reads until the end: what came, and how it ended.
func rest(t *testing.T, proxy *toxiproxy.Proxy, said string) (string, error) {
	t.Helper()
	conn := connect(t, proxy)
	must[int](t)(io.WriteString(conn, said))
	heard, err := io.ReadAll(conn)
	return string(heard), err
}

// with is a new proxy with one toxic.
func with(t *testing.T, kind, stream string, attributes toxiproxy.Attributes) *toxiproxy.Proxy {
	t.Helper()
	proxy := made(t)
	must[*toxiproxy.Toxic](t)(proxy.AddToxic("", kind, stream, 1, attributes))
	return proxy
}

func TestLatencyIsNeverEarly(t *testing.T) {
	proxy := with(t, "latency", "downstream", toxiproxy.Attributes{"latency": 120})
	must[*toxiproxy.Toxic](t)(proxy.AddToxic("", "latency", "upstream", 1, toxiproxy.Attributes{"latency": 80}))
	begin := time.Now()
	is(t, answer(t, proxy, "hello"), "hello")
	if took := time.Since(begin); took < 200*time.Millisecond {
		t.Fatal("too early:", took)
	}
}

func TestSilenceCutsAndLimits(t *testing.T) {
	begin := time.Now()
	heard, err := rest(t, with(t, "timeout", "downstream", toxiproxy.Attributes{"timeout": 100}), "lost")
	is(t, heard, "")
	ok(t, err)
	if took := time.Since(begin); took < 100*time.Millisecond {
		t.Fatal("too early:", took)
	}
	for _, stream := range streams {
		_, err = rest(t, with(t, "reset_peer", stream, toxiproxy.Attributes{"timeout": 0}), "x")
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Fatal("no reset:", err)
		}
	}
	heard, err = rest(t, with(t, "limit_data", "downstream", toxiproxy.Attributes{"bytes": 3}), "hello")
	is(t, heard, "hel")
	ok(t, err)
}

func TestWhatIsHeldIsNotLost(t *testing.T) {
	proxy := with(t, "bandwidth", "downstream", toxiproxy.Attributes{"rate": 0})
	conn := connect(t, proxy)
	must[int](t)(io.WriteString(conn, "held"))
	ok(t, conn.SetReadDeadline(time.Now().Add(150*time.Millisecond)))
	_, err := conn.Read(make([]byte, 1))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("something came:", err)
	}
	ok(t, conn.SetReadDeadline(time.Now().Add(patience)))
	ok(t, proxy.RemoveToxic("bandwidth_downstream"))
	heard := make([]byte, 4)
	must[int](t)(io.ReadFull(conn, heard))
	is(t, string(heard), "held")
}

func TestTheEndComesLate(t *testing.T) {
	conn := connect(t, with(t, "slow_close", "downstream", toxiproxy.Attributes{"delay": 150}))
	begin := time.Now()
	// The upstream ends when its client does.
	ok(t, conn.CloseWrite())
	is(t, string(must[[]byte](t)(io.ReadAll(conn))), "")
	if took := time.Since(begin); took < 150*time.Millisecond {
		t.Fatal("too early:", took)
	}
}

func TestADisabledProxyRefusesAndCuts(t *testing.T) {
	proxy := made(t)
	open := connect(t, proxy)
	must[int](t)(io.WriteString(open, "hello"))
	must[int](t)(io.ReadFull(open, make([]byte, 5)))
	ok(t, proxy.Disable())
	if _, err := open.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("it is still open:", err)
	}
	if _, err := net.Dial("tcp", proxy.Listen); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatal("it is not refused:", err)
	}
	ok(t, proxy.Enable())
	is(t, answer(t, proxy, "hello"), "hello")
}
