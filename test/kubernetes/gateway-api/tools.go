//go:build tools

package conformance

// The server that the suite's gateway tests run.
import _ "sigs.k8s.io/gateway-api/conformance/echo-basic"
