// A server of HTTP/2 without TLS, out of Go's own HTTP library: says its address, then answers until it is ended. It takes both ways to begin:
// to know it before, and to ask for it in HTTP/1.1.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sort"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

const long = 3 << 20

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", tell)
	http.HandleFunc("/down", func(answer http.ResponseWriter, request *http.Request) { answer.Write(pattern()) })
	http.HandleFunc("/hints", func(answer http.ResponseWriter, request *http.Request) {
		answer.Header().Set("Link", "</a.css>; rel=preload")
		answer.WriteHeader(http.StatusEarlyHints)
		tell(answer, request)
	})
	http.HandleFunc("/none", func(answer http.ResponseWriter, request *http.Request) { answer.WriteHeader(http.StatusNoContent) })
	http.HandleFunc("/early", func(answer http.ResponseWriter, request *http.Request) { answer.WriteHeader(http.StatusRequestEntityTooLarge) })
	http.HandleFunc("/reset", func(answer http.ResponseWriter, request *http.Request) {
		answer.Write([]byte("half of it"))
		answer.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	// What clients do wrong is not worth a line.
	server := http.Server{Handler: h2c.NewHandler(http.DefaultServeMux, &http2.Server{}), ErrorLog: log.New(io.Discard, "", 0)}
	fmt.Println(listener.Addr())
	log.Fatal(server.Serve(listener))
}

// Tells the client what it has sent, and a trailer behind it.
func tell(answer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	answer.Header().Set("Trailer", "X-Sum")
	sum := fmt.Sprintf("%x", sha256.Sum256(body))
	fmt.Fprintf(answer, "%s %s %s of %s, %d bytes %s %v\n", request.Method, request.RequestURI, request.Proto, request.Host, len(body), sum, err)
	list(answer, "", request.Header)
	list(answer, "trailer ", request.Trailer)
	answer.Header().Set("X-Sum", sum)
}

func list(answer io.Writer, mark string, header http.Header) {
	names := []string{}
	for name := range header {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(answer, "%s%s: %q\n", mark, name, header[name])
	}
}

func pattern() []byte {
	bytes := make([]byte, long)
	for i := range bytes {
		bytes[i] = byte((i%251*31 + 7) % 251)
	}
	return bytes
}
