// Command echo stands in for the image echo-advanced, which the conformance suite's mesh tests run: a server that says who it is, and
// `client URL`, which calls one and prints the answer in the lines that the suite reads (conformance/utils/echo/parse.go).
package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

func main() {
	if filepath.Base(os.Args[0]) == "client" {
		if err := call(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	serve(os.Args[1:])
}

// serve listens on every --port but those that --tls names, which no test calls; on 8080 if there is none.
func serve(args []string) {
	tls := map[string]bool{}
	for _, arg := range args {
		if port, ok := strings.CutPrefix(arg, "--tls="); ok {
			tls[port] = true
		}
	}
	var ports []string
	for _, arg := range args {
		if port, ok := strings.CutPrefix(arg, "--port="); ok && !tls[port] {
			ports = append(ports, port)
		}
	}
	if len(ports) == 0 {
		ports = []string{"8080"}
	}
	failed := make(chan error)
	for _, port := range ports {
		go func() { failed <- http.ListenAndServe(":"+port, answer(port)) }()
	}
	fmt.Fprintln(os.Stderr, <-failed)
	os.Exit(1)
}

func answer(port string) http.Handler {
	hostname, _ := os.Hostname()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "ServicePort=%s\nHost=%s\nURL=%s\nMethod=%s\nProto=%s\nIP=%s\n", port, r.Host, r.URL.RequestURI(), r.Method, r.Proto, r.RemoteAddr)
		lines(r.Header, func(line string) { fmt.Fprintf(w, "RequestHeader=%s\n", line) })
		fmt.Fprintf(w, "Hostname=%s\n", hostname)
	})
}

func call(args []string) error {
	url, method, header := "", http.MethodGet, http.Header{}
	for i := 0; i < len(args); i++ {
		if value, ok := strings.CutPrefix(args[i], "--method="); ok {
			method = value
		} else if args[i] == "-H" && i+1 < len(args) {
			i++
			name, value, _ := strings.Cut(args[i], ":")
			header.Add(name, strings.TrimSpace(value))
		} else {
			url = args[i]
		}
	}
	request, err := http.NewRequest(method, url, nil)
	if err != nil {
		return err
	}
	request.Header = header
	if host := header.Get("Host"); host != "" {
		request.Host = host
	}
	noRedirects := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := noRedirects.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	fmt.Printf("[0] Url=%s\n[0] StatusCode=%d\n", url, response.StatusCode)
	lines(response.Header, func(line string) { fmt.Printf("[0] ResponseHeader=%s\n", line) })
	for body := bufio.NewScanner(response.Body); body.Scan(); {
		fmt.Printf("[0 body] %s\n", body.Text())
	}
	return nil
}

func lines(header http.Header, print func(string)) {
	names := make([]string, 0, len(header))
	for name := range header {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for _, value := range header[name] {
			print(name + ":" + value)
		}
	}
}
