package config

import "strings"

// Untrusted begins the cause in a stage's message when the server's certificate is not trusted, for the operator to
// tell where trust is declared.
const Untrusted = "its certificate is not trusted"

// Distrust finds in an error's words why a certificate is not trusted, which begins with [Untrusted] and is the same on
// every attempt; empty if the error is another. Clients of gRPC and of REST pass on the words of crypto/x509 alone.
func Distrust(words string) string {
	_, cause, found := strings.Cut(words, "x509: ")
	if !found {
		return ""
	}
	if strings.HasPrefix(cause, "certificate has expired or is not yet valid") { // the time of day follows
		return Untrusted + ": it has expired, or is not valid yet"
	}
	for _, end := range []string{" (possibly because", `"`, "\n"} {
		cause, _, _ = strings.Cut(cause, end)
	}
	return Untrusted + ": " + strings.TrimSpace(cause)
}
