// Package wire carries messages as the bytes that they are.
package wire

import "fmt"

// Bytes is a codec of *[]byte.
type Bytes struct{}

func (Bytes) Marshal(message any) ([]byte, error) {
	if bytes, is := message.(*[]byte); is {
		return *bytes, nil
	}
	return nil, fmt.Errorf("%T are no bytes", message)
}

func (Bytes) Unmarshal(data []byte, message any) error {
	bytes, is := message.(*[]byte)
	if !is {
		return fmt.Errorf("%T are no bytes", message)
	}
	*bytes = append([]byte(nil), data...)
	return nil
}

func (Bytes) Name() string { return "proto" }
