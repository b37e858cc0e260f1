//go:build server

package clients

// Nothing is built with this: it is what makes go.sum name all that the tests of the server need, which are run as they are.
import _ "github.com/Shopify/toxiproxy/v2"
