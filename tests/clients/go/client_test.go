// The Go client of Toxiproxy, which its command line is built on, and the sentences that its users compare.
//
// TOXIPROXY_URL names the API, UPSTREAM a server that sends back what it gets.
package clients

import (
	"fmt"
	"net"
	"os"
	"reflect"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2/client"
)

var (
	client   = toxiproxy.NewClient(os.Getenv("TOXIPROXY_URL"))
	upstream = os.Getenv("UPSTREAM")
)

// Every type with values of its own for each attribute, as numbers of JSON.
var types = map[string]toxiproxy.Attributes{
	"noop":        {},
	"latency":     {"latency": 120.0, "jitter": 7.0},
	"bandwidth":   {"rate": 64.0},
	"slow_close":  {"delay": 40.0},
	"timeout":     {"timeout": 300.0},
	"slicer":      {"average_size": 100.0, "size_variation": 10.0, "delay": 50.0},
	"reset_peer":  {"timeout": 20.0},
	"limit_data":  {"bytes": 4096.0},
	"packet_loss": {"loss_rate": 0.25, "correlation": 0.5},
}

var streams = []string{"upstream", "downstream"}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %#v, want %#v", got, want)
	}
}

func says(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Fatalf("got %v, want %s", err, want)
	}
}

// nothing leaves no proxy of an earlier test.
func nothing(t *testing.T) {
	t.Helper()
	for _, proxy := range must[map[string]*toxiproxy.Proxy](t)(client.Proxies()) {
		ok(t, proxy.Delete())
	}
}

// made is a new proxy `p` in front of the upstream.
func made(t *testing.T) *toxiproxy.Proxy {
	t.Helper()
	nothing(t)
	return must[*toxiproxy.Proxy](t)(client.CreateProxy("p", "localhost:0", upstream))
}

func TestProxiesAreMadeListedChangedAndDeleted(t *testing.T) {
	proxy := made(t)
	if host, port, err := net.SplitHostPort(proxy.Listen); err != nil || host != "127.0.0.1" || port == "0" {
		t.Fatalf("it listens on %s", proxy.Listen)
	}
	is(t, proxy.Upstream, upstream)
	is(t, proxy.Enabled, true)
	must[*toxiproxy.Proxy](t)(client.CreateProxy("127.0.0.1:80", "127.0.0.1:0", "x:1"))
	all := must[map[string]*toxiproxy.Proxy](t)(client.Proxies())
	is(t, len(all), 2)
	is(t, all["p"].Listen, proxy.Listen)
	is(t, must[*toxiproxy.Proxy](t)(client.Proxy("127.0.0.1:80")).Upstream, "x:1")

	must[*toxiproxy.Toxic](t)(proxy.AddToxic("kept", "latency", "", 0.5, toxiproxy.Attributes{"latency": 9}))
	listen := proxy.Listen
	proxy.Upstream = "127.0.0.1:1"
	ok(t, proxy.Save())
	is(t, proxy.Listen, listen)
	// What comes back holds the toxics, and is sent with the next call: nothing must become of that.
	is(t, len(proxy.ActiveToxics), 1)
	ok(t, proxy.Disable())
	is(t, proxy.Enabled, false)
	is(t, must[*toxiproxy.Proxy](t)(client.Proxy("p")).Enabled, false)
	ok(t, proxy.Enable())
	is(t, proxy.Listen, listen)
	is(t, len(must[toxiproxy.Toxics](t)(proxy.Toxics())), 1)

	ok(t, proxy.Delete())
	_, err := client.Proxy("p")
	says(t, err, "HTTP 404: proxy not found")

	version := string(must[[]byte](t)(client.Version()))
	if !strings.HasPrefix(version, `{"version": "2.12.0"`) {
		t.Fatal(version)
	}
}

func TestAProxyThatIsMadeDisabledKeepsItsAddressAsItWasSaid(t *testing.T) {
	nothing(t)
	proxy := client.NewProxy()
	proxy.Name, proxy.Listen, proxy.Upstream = "later", "localhost:0", upstream
	ok(t, proxy.Save())
	is(t, proxy.Listen, "localhost:0")
	ok(t, proxy.Enable())
	is(t, answer(t, proxy, "hello"), "hello")
}

func TestEveryToxicInBothStreams(t *testing.T) {
	proxy := made(t)
	for kind, attributes := range types {
		for _, stream := range streams {
			want := &toxiproxy.Toxic{Name: kind + "_" + stream, Type: kind, Stream: stream, Toxicity: 0.25, Attributes: attributes}
			is(t, must[*toxiproxy.Toxic](t)(proxy.AddToxic("", kind, stream, 0.25, attributes)), want)
		}
	}
	listed := must[toxiproxy.Toxics](t)(proxy.Toxics())
	is(t, len(listed), 2*len(types))
	for at, toxic := range listed {
		is(t, toxic.Stream, streams[at/len(types)])
		is(t, toxic.Attributes, types[toxic.Type])
	}
	is(t, must[*toxiproxy.Proxy](t)(client.Proxy("p")).ActiveToxics, listed)
	for _, toxic := range listed {
		ok(t, proxy.RemoveToxic(toxic.Name))
	}
	is(t, len(must[toxiproxy.Toxics](t)(proxy.Toxics())), 0)
}

func TestAnUpdateChangesWhatItSays(t *testing.T) {
	proxy := made(t)
	must[*toxiproxy.Toxic](t)(proxy.AddToxic("slow", "latency", "downstream", 1, toxiproxy.Attributes{"latency": 100, "jitter": 10}))
	toxic := must[*toxiproxy.Toxic](t)(proxy.UpdateToxic("slow", 0.5, toxiproxy.Attributes{"latency": 500}))
	is(t, toxic.Attributes, toxiproxy.Attributes{"latency": 500.0, "jitter": 10.0})
	is(t, toxic.Toxicity, float32(0.5))
	// -1 is how this client leaves it out.
	toxic = must[*toxiproxy.Toxic](t)(proxy.UpdateToxic("slow", -1, toxiproxy.Attributes{"jitter": 0}))
	is(t, toxic.Attributes, toxiproxy.Attributes{"latency": 500.0, "jitter": 0.0})
	is(t, toxic.Toxicity, float32(0.5))
	is(t, must[toxiproxy.Toxics](t)(proxy.Toxics()), toxiproxy.Toxics{*toxic})
}

func TestManyAtATimeAndEverythingAsItWas(t *testing.T) {
	nothing(t)
	wanted := []toxiproxy.Proxy{
		{Name: "one", Listen: "127.0.0.1:0", Upstream: upstream, Enabled: true},
		{Name: "two", Listen: "127.0.0.1:0", Upstream: upstream, Enabled: false},
	}
	done := must[[]*toxiproxy.Proxy](t)(client.Populate(wanted))
	is(t, []string{done[0].Name, done[1].Name}, []string{"one", "two"})
	is(t, []bool{done[0].Enabled, done[1].Enabled}, []bool{true, false})
	must[*toxiproxy.Toxic](t)(done[0].AddToxic("", "timeout", "", 1, nil))
	// What is as it is said stays untouched.
	wanted[0].Listen = strings.Replace(done[0].Listen, "127.0.0.1", "localhost", 1)
	again := must[[]*toxiproxy.Proxy](t)(client.Populate(wanted[:1]))
	is(t, again[0].Listen, done[0].Listen)
	is(t, len(again[0].ActiveToxics), 1)

	ok(t, client.ResetState())
	for _, proxy := range must[map[string]*toxiproxy.Proxy](t)(client.Proxies()) {
		is(t, proxy.Enabled, true)
		is(t, len(proxy.ActiveToxics), 0)
		is(t, answer(t, proxy, "hello"), "hello")
	}
	is(t, len(must[[]*toxiproxy.Proxy](t)(client.Populate([]toxiproxy.Proxy{}))), 0)
}

func TestRefusalsInTheWordsThatAreCompared(t *testing.T) {
	proxy := made(t)
	create := func(name, listen, upstream string) error {
		_, err := client.CreateProxy(name, listen, upstream)
		return err
	}
	says(t, create("p", "127.0.0.1:0", upstream), "Create: HTTP 409: proxy already exists")
	says(t, create("", "", ""), "Create: HTTP 400: missing required field: name")
	says(t, create("q", "", ""), "Create: HTTP 400: missing required field: upstream")
	says(t, create("q", proxy.Listen, "x:1"),
		fmt.Sprintf("Create: HTTP 500: listen tcp %s: bind: address already in use", proxy.Listen))
	says(t, create("q", "local373", "x:1"), "Create: HTTP 500: listen tcp: address local373: missing port in address")

	add := func(kind, stream string, attributes toxiproxy.Attributes) error {
		_, err := proxy.AddToxic("t", kind, stream, 1, attributes)
		return err
	}
	ok(t, add("noop", "", nil))
	says(t, add("noop", "upstream", nil), "AddToxic: HTTP 409: toxic already exists")
	says(t, add("latency", "walrustream", nil), "AddToxic: HTTP 400: stream was invalid, can be either upstream or downstream")
	says(t, add("nope", "", nil), "AddToxic: HTTP 400: invalid toxic type")
	ok(t, proxy.RemoveToxic("t"))
	says(t, add("latency", "", toxiproxy.Attributes{"latency": 1.5}),
		"AddToxic: HTTP 400: bad request body: json: cannot unmarshal number 1.5 into Go struct field LatencyToxic.attributes.latency of type int64")
	says(t, proxy.RemoveToxic("t"), "HTTP 404: toxic not found")
	_, err := proxy.UpdateToxic("t", 1, nil)
	says(t, err, "HTTP 404: toxic not found")
	_, err = client.AddToxic(&toxiproxy.ToxicOptions{ProxyName: "nope", ToxicType: "noop"})
	says(t, err, "failed to retrieve proxy with name `nope`: HTTP 404: proxy not found")
	_, err = client.UpdateToxic(&toxiproxy.ToxicOptions{ProxyName: "p", ToxicName: "zz"})
	says(t, err, "failed to update toxic 'zz' of proxy 'p': HTTP 404: toxic not found")
	err = client.RemoveToxic(&toxiproxy.ToxicOptions{ProxyName: "p", ToxicName: "zz"})
	says(t, err, "failed to remove toxic 'zz' from proxy 'p': HTTP 404: toxic not found")
	ok(t, proxy.Delete())
	says(t, proxy.Delete(), "Delete: HTTP 404: proxy not found")
}

func TestAPopulateThatFailsKeepsWhatCameBefore(t *testing.T) {
	nothing(t)
	_, err := client.Populate([]toxiproxy.Proxy{{Name: "one", Listen: "127.0.0.1:0", Upstream: "x:1"}, {Name: ""}})
	says(t, err, "Populate: HTTP 400: missing required field: name at proxy 2")
	_, err = client.Populate([]toxiproxy.Proxy{{Name: "one", Listen: "127.0.0.1:0", Upstream: "x:1"}, {Name: "two"}})
	says(t, err, "Populate: HTTP 400: missing required field: upstream at proxy 2")
	is(t, len(must[map[string]*toxiproxy.Proxy](t)(client.Proxies())), 0)

	done, err := client.Populate([]toxiproxy.Proxy{
		{Name: "one", Listen: "127.0.0.1:0", Upstream: "x:1", Enabled: true},
		{Name: "two", Listen: "local373", Upstream: "x:1", Enabled: true},
		{Name: "three", Listen: "127.0.0.1:0", Upstream: "x:1", Enabled: true},
	})
	says(t, err, "Populate: HTTP 500: listen tcp: address local373: missing port in address")
	is(t, len(done), 0)
	all := must[map[string]*toxiproxy.Proxy](t)(client.Proxies())
	is(t, len(all), 1)
	is(t, all["one"].Name, "one")
}
