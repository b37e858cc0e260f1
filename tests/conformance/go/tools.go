//go:build tools

// Package conformance names the programs that are built from other people's modules, so that the lock file holds what they need.
package conformance

import (
	_ "github.com/summerwind/h2spec/cmd/h2spec"
	_ "google.golang.org/grpc/interop/client"
	_ "google.golang.org/grpc/interop/server"
)
