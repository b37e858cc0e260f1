// Go's net/http as a client, in the ways that it can be used, against the address that is given. Tells what a caller is shown.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"os"
	"sort"
	"strings"
	"time"
)

const long = 3 << 20

var (
	pattern   = makePattern()
	to        = os.Args[1]
	transport = &http.Transport{ExpectContinueTimeout: 25 * time.Second, DisableCompression: true}
	client    = &http.Client{Transport: transport, Timeout: 30 * time.Second}
)

func makePattern() []byte {
	bytes := make([]byte, long)
	for i := range bytes {
		bytes[i] = byte((i%251*31 + 7) % 251)
	}
	return bytes
}

func tellHeader(mark string, header http.Header) {
	names := []string{}
	for name := range header {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Printf("  %s%s: %q\n", mark, name, header[name])
	}
}

func tellBody(body []byte) {
	if len(body) < 200 {
		fmt.Printf("  %q\n", body)
	} else {
		fmt.Printf("  %d bytes %x\n", len(body), sha256.Sum256(body))
	}
}

// change: what is special about the request.
func ask(method, path string, body io.Reader, change func(*http.Request)) {
	askOf(client, method, "http://"+to+path, body, change)
}

func askOf(client *http.Client, method, url string, body io.Reader, change func(*http.Request)) {
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		panic(err)
	}
	if change != nil {
		change(request)
	}
	trace := httptrace.ClientTrace{
		Got100Continue: func() { fmt.Println("  got 100") },
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			fmt.Printf("  got %d\n", code)
			tellHeader("", http.Header(header))
			return nil
		},
	}
	answer, err := client.Do(request.WithContext(httptrace.WithClientTrace(context.Background(), &trace)))
	if err != nil {
		tellError(err)
		return
	}
	defer answer.Body.Close()
	fmt.Printf("%s, %s, %d, %v, closes: %v\n", answer.Status, answer.Proto, answer.ContentLength, answer.TransferEncoding, answer.Close)
	tellHeader("", answer.Header)
	all, err := io.ReadAll(answer.Body)
	tellBody(all)
	if err != nil {
		tellError(err)
	}
	names := []string{}
	for name := range answer.Trailer {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Printf("  trailer %s: %v\n", name, answer.Trailer[name])
	}
}

// Without addresses: those of the client's own side are others each time.
func tellError(err error) {
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	fmt.Printf("-- %v\n", err)
}

func scenario(name string, act func()) {
	fmt.Println("==", name)
	act()
}

// What hides its length is sent in chunks.
type stream struct{ io.Reader }

func main() {
	scenario("kept alive", func() {
		for n := 0; n < 3; n++ {
			ask("GET", fmt.Sprint("/plain?", n), nil, nil)
		}
	})
	scenario("odd", func() {
		ask("GET", "/odd", nil, func(request *http.Request) {
			request.Header["x-oDD"] = []string{"caf\xe9", "again"}
			request.Header.Set("X-Empty", "")
		})
	})
	scenario("head", func() { ask("HEAD", "/head", nil, nil) })
	scenario("none", func() { ask("DELETE", "/none", nil, nil) })
	scenario("same", func() {
		ask("GET", "/same", nil, func(request *http.Request) { request.Header.Set("If-None-Match", `"v1"`) })
	})
	scenario("chunked with trailers", func() { ask("GET", "/chunked", nil, nil) })
	scenario("hints", func() { ask("GET", "/hints", nil, nil) })
	scenario("moved", func() { ask("GET", "/moved", nil, nil) })
	scenario("form", func() { ask("POST", "/form", strings.NewReader("a=1"), nil) })
	scenario("continue", func() {
		ask("PUT", "/up", bytes.NewReader(pattern), func(request *http.Request) { request.Header.Set("Expect", "100-continue") })
	})
	scenario("upload", func() { ask("PUT", "/up", bytes.NewReader(pattern), nil) })
	scenario("upload in chunks", func() { ask("PUT", "/up", stream{bytes.NewReader(pattern)}, nil) })
	scenario("upload with trailers", func() {
		ask("PUT", "/up", stream{strings.NewReader("some")}, func(request *http.Request) {
			request.Trailer = http.Header{"X-Sum": {"abc"}}
		})
	})
	scenario("down", func() { ask("GET", "/down", nil, nil) })
	scenario("down in chunks", func() { ask("GET", "/down-in-chunks", nil, nil) })
	scenario("early", func() { ask("PUT", "/early", bytes.NewReader(pattern), nil) })
	scenario("down until close", func() { ask("GET", "/down-until-close", nil, nil) })
	scenario("cut", func() { ask("GET", "/cut", nil, nil) })
	scenario("upgrade", upgrade)
	scenario("absolute", func() {
		address, _ := url.Parse("http://" + to)
		proxied := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(address)}, Timeout: 30 * time.Second}
		askOf(proxied, "GET", "http://example.test/plain", nil, nil)
		proxied.CloseIdleConnections()
	})
	transport.CloseIdleConnections()
}

// The body of a 101 is the connection.
func upgrade() {
	request, _ := http.NewRequest("GET", "http://"+to+"/upgrade", nil)
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "echo")
	answer, err := transport.RoundTrip(request)
	if err != nil {
		tellError(err)
		return
	}
	fmt.Println(answer.Status)
	tellHeader("", answer.Header)
	connection := answer.Body.(io.ReadWriteCloser)
	reader := bufio.NewReader(connection)
	welcome, _ := reader.ReadString('\n')
	fmt.Printf("  %q\n", welcome)
	for _, line := range [][]byte{[]byte("one"), {0, 255, 10}, pattern[:200_000]} {
		go connection.Write(line)
		back := make([]byte, len(line))
		_, err := io.ReadFull(reader, back)
		fmt.Printf("  %d bytes, the same: %v %v\n", len(line), bytes.Equal(back, line), err)
	}
	if half, ok := answer.Body.(interface{ CloseWrite() error }); ok {
		fmt.Println("  half closed", half.CloseWrite())
	}
	connection.Close()
}
