// Command issuer is the OpenID provider of package issuer as a process, behind TLS.
//
//	issuer -url https://issuer.team.svc:8443 -redirect https://ask.example.com/ -group board
package main

import (
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/ragpipeline/ragpipeline/test/issuer"
)

func main() {
	url := flag.String("url", "", "the issuer's `URL`, as in its tokens")
	redirect := flag.String("redirect", "", "the page's `URL`")
	group := flag.String("group", "", "the `group` of the first user and of the program; the second user has none")
	directory := flag.String("tls", "/tls", "the `directory` of tls.crt and tls.key")
	address := flag.String("listen", ":8443", "the `address` to listen at")
	flag.Parse()

	i := issuer.New(*url)
	i.Redirects = []string{*redirect}
	i.Groups = map[string][]string{issuer.First: {*group}, issuer.Program: {*group}}
	server := &http.Server{Addr: *address, Handler: i, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServeTLS(*directory+"/tls.crt", *directory+"/tls.key"))
}
