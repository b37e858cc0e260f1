// A client of gRPC in Go. Does what each line of its input says, and tells in one line what a caller is shown: how long it took, then the messages,
// or the status with what it says.
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"felt/wire"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Four attempts, if the status is one of those.
const retrying = `{"methodConfig": [{"name": [{}], "waitForReady": true, "retryPolicy": {"maxAttempts": 4, "initialBackoff": "0.02s",
	"maxBackoff": "0.1s", "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"]}}]}`

type options map[string]int

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

// `deadline=300 retries=1 token=old`.
func call(to, method string, o options) string {
	dial := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodec(wire.Bytes{})),
		grpc.WithNoProxy(),
	}
	var connections atomic.Int64
	dial = append(dial, grpc.WithContextDialer(func(ctx context.Context, to string) (net.Conn, error) {
		connections.Add(1)
		return (&net.Dialer{}).DialContext(ctx, "tcp", to)
	}))
	if o["retries"] == 0 {
		dial = append(dial, grpc.WithDisableRetry())
	} else {
		dial = append(dial, grpc.WithDefaultServiceConfig(retrying))
	}
	client, err := grpc.NewClient("passthrough:///"+to, dial...)
	if err != nil {
		return err.Error()
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(o.or("deadline", 30_000))*time.Millisecond)
	defer cancel()
	if o["token"] != 0 {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer old")
	}
	told := ""
	for range o.or("asks", 1) {
		if method == "Hello" {
			told = hello(ctx, client)
		} else {
			told = count(ctx, client, o["messages"])
		}
	}
	// For whoever asks more than once it matters where that went.
	if o["asks"] > 1 {
		told += fmt.Sprintf(" on %d connections", connections.Load())
	}
	return told
}

func hello(ctx context.Context, client *grpc.ClientConn) string {
	name, answer, trailer := []byte("go"), []byte{}, metadata.MD{}
	err := client.Invoke(ctx, "/felt.Shop/Hello", &name, &answer, grpc.Trailer(&trailer))
	return told(err, string(answer), trailer)
}

func count(ctx context.Context, client *grpc.ClientConn, messages int) string {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/felt.Shop/Count")
	if err != nil {
		return told(err, "", nil)
	}
	many := []byte(strconv.Itoa(messages))
	if err := stream.SendMsg(&many); err != nil {
		return told(err, "", stream.Trailer())
	}
	if err := stream.CloseSend(); err != nil {
		return told(err, "", stream.Trailer())
	}
	var got []string
	for {
		var message []byte
		if err := stream.RecvMsg(&message); err != nil {
			if err.Error() == "EOF" {
				err = nil
			}
			return told(err, strings.Join(got, ","), stream.Trailer())
		}
		got = append(got, printable(message))
	}
}

func printable(message []byte) string {
	for _, b := range message {
		if b < '0' || b > '9' {
			return "?"
		}
	}
	return string(message)
}

func told(err error, messages string, trailer metadata.MD) string {
	said := messages
	if err != nil {
		is := status.Convert(err)
		said = strings.TrimSpace(fmt.Sprintf("%s %s: %s", messages, is.Code(), strconv.QuoteToASCII(is.Message())))
	}
	if mark := trailer.Get("x-faultwire-fault"); len(mark) > 0 {
		said += " by " + mark[0]
	}
	return said
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		line := strings.Split(lines.Text(), " ")
		begin := time.Now()
		said := call(line[0], line[1], words(line[2:]))
		fmt.Println(time.Since(begin).Milliseconds(), said)
	}
}
