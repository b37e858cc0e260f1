// A gRPC server whose messages are bytes. It says its port, and then a line for each call that has reached it.
package main

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"felt/wire"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

var calls atomic.Int64

// Told as it comes: whoever counts has the count before the answer.
func came(what string) { fmt.Println(what, calls.Add(1)) }

func hello(_ any, ctx context.Context, read func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var name []byte
	if err := read(&name); err != nil {
		return nil, err
	}
	came("hello")
	grpc.SetTrailer(ctx, metadata.Pairs("x-shop", "open"))
	answer := append([]byte("hello "), name...)
	return &answer, nil
}

// Sends as many messages as it is asked for; until the caller has gone, if that is none.
func count(_ any, stream grpc.ServerStream) error {
	var many []byte
	if err := stream.RecvMsg(&many); err != nil {
		return err
	}
	came("count")
	last, _ := strconv.Atoi(string(many))
	for n := 1; n <= last; n++ {
		message := []byte(strconv.Itoa(n))
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
		// So that each message travels in a frame of its own.
		time.Sleep(time.Millisecond)
	}
	return nil
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodec(wire.Bytes{}))
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "felt.Shop",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Hello", Handler: hello}},
		Streams:     []grpc.StreamDesc{{StreamName: "Count", Handler: count, ServerStreams: true}},
	}, nil)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	if err := server.Serve(listener); err != nil {
		panic(err)
	}
}
