// Clients of HTTP in Go: net/http, and go-retryablehttp around it. Does what each line of its input says, and tells in one line what a caller is
// shown: how long it took, then a status, body and mark, or the error.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

var pattern = func() []byte {
	bytes := make([]byte, 64<<10)
	for at := range bytes {
		bytes[at] = byte(at % 251)
	}
	return bytes
}()

type options map[string]int

// `timeout=300 post=100`.
func words(from []string) options {
	read := options{}
	for _, word := range from {
		name, value, _ := strings.Cut(word, "=")
		read[name], _ = strconv.Atoi(value)
	}
	return read
}

func (o options) or(name string, otherwise int) int {
	if value, known := o[name]; known {
		return value
	}
	return otherwise
}

func (o options) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Duration(o.or("timeout", 30_000))*time.Millisecond)
}

func (o options) request(ctx context.Context, url string) *http.Request {
	method, body := "GET", io.Reader(nil)
	if size, posts := o["post"]; posts {
		method, body = "POST", bytes.NewReader(make([]byte, size))
	}
	request, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		panic(err)
	}
	return request
}

func told(answer *http.Response, err error, more ...string) string {
	if err != nil {
		return kind("error", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return kind(fmt.Sprintf("%d, %d bytes, error", answer.StatusCode, len(body)), err)
	}
	said := []string{strconv.Itoa(answer.StatusCode), content(body)}
	said = append(said, more...)
	if mark := answer.Header.Get("x-faultwire-fault"); mark != "" {
		said = append(said, "by", mark)
	}
	return strings.Join(said, " ")
}

func content(body []byte) string {
	var problem struct{ Title string }
	switch {
	case len(body) < 80:
		return string(body)
	case json.Unmarshal(body, &problem) == nil && problem.Title != "":
		return problem.Title
	case bytes.Equal(body, pattern[:min(len(body), len(pattern))]):
		return fmt.Sprintf("%d bytes as sent", len(body))
	}
	return fmt.Sprintf("%d bytes changed", len(body))
}

// The innermost error, which is what callers compare with.
func kind(where string, err error) string {
	names := ""
	if errors.Is(err, context.DeadlineExceeded) {
		names += " (deadline exceeded)"
	}
	if timeout, is := err.(interface{ Timeout() bool }); is && timeout.Timeout() {
		names += " (timeout)"
	}
	text := err.Error()
	if _, inner, found := strings.Cut(text, "\": "); found {
		text = inner
	}
	return where + names + ": " + strconv.QuoteToASCII(text)
}

// A client with a pool of its own.
func fresh() *http.Client { return &http.Client{Transport: &http.Transport{}} }

func ask(to, path string, o options) string {
	ctx, cancel := o.context()
	defer cancel()
	client := fresh()
	defer client.CloseIdleConnections()
	// All but the last are not told of; their connection is used again.
	for range o.or("asks", 1) - 1 {
		told(client.Do(o.request(ctx, "http://"+to+path)))
	}
	return told(client.Do(o.request(ctx, "http://"+to+path)))
}

// The transport's own limit for the head of an answer.
func header(to, path string, o options) string {
	client := &http.Client{Transport: &http.Transport{ResponseHeaderTimeout: time.Duration(o["timeout"]) * time.Millisecond}}
	defer client.CloseIdleConnections()
	return told(client.Get("http://" + to + path))
}

// go-retryablehttp tries again what failed, 429 and 5xx, and waits as it is told.
func retries(to, path string, o options) string {
	client := retryablehttp.NewClient()
	client.Logger, client.RetryMax, client.RetryWaitMin = nil, o.or("tries", 3), 10*time.Millisecond
	client.HTTPClient = fresh()
	if limit, known := o["each"]; known {
		client.HTTPClient.Timeout = time.Duration(limit) * time.Millisecond
	}
	defer client.HTTPClient.CloseIdleConnections()
	attempts := 0
	client.RequestLogHook = func(_ retryablehttp.Logger, _ *http.Request, _ int) { attempts++ }
	var answer *http.Response
	var err error
	for range o.or("asks", 1) {
		attempts = 0
		if size, posts := o["post"]; posts {
			answer, err = client.Post("http://"+to+path, "application/octet-stream", bytes.NewReader(make([]byte, size)))
		} else {
			answer, err = client.Get("http://" + to + path)
		}
	}
	return told(answer, err, fmt.Sprintf("attempts %d", attempts))
}

func price(to, _ string, _ options) string {
	client := fresh()
	defer client.CloseIdleConnections()
	answer, err := client.Get("http://" + to + "/product")
	if err != nil {
		return kind("error", err)
	}
	defer answer.Body.Close()
	var product struct{ Price *struct{ Amount int } }
	if err := json.NewDecoder(answer.Body).Decode(&product); err != nil {
		return kind("error", err)
	}
	if product.Price == nil {
		return "no price"
	}
	return strconv.Itoa(product.Price.Amount)
}

func main() {
	clients := map[string]func(to, path string, o options) string{
		"http": ask, "header": header, "retries": retries, "price": price,
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		line := append(strings.Split(lines.Text(), " "), "")
		begin := time.Now()
		said := clients[line[1]](line[0], line[2], words(line[3:]))
		fmt.Println(time.Since(begin).Milliseconds(), said)
	}
}
