package keys

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Clients are the gateway's clients, by name.
type Clients map[string]Client

// Client is who has a key. Its entry is the token alone, or YAML such as
//
//	token: s3cret
//	groups: [hr, it]
//	requestsPerMinute: 60
//	tokensPerMinute: 100000
type Client struct {
	Token string `yaml:"token"`
	// Groups are those whose documents the client sees.
	Groups []string `yaml:"groups"`
	// RequestsPerMinute and TokensPerMinute bound what one gateway does for the client; 0 does not bound it.
	RequestsPerMinute int `yaml:"requestsPerMinute"`
	TokensPerMinute   int `yaml:"tokensPerMinute"`
	// Err is why the entry is not valid. Such a client is refused, whatever of its entry could be read.
	Err error `yaml:"-"`
}

const (
	// maxRate bounds the numbers of a Client.
	maxRate = 1_000_000_000
	// leftOut is a number that an entry does not have. One of 0 is refused: it could mean nothing or anything.
	leftOut = math.MinInt
)

// ParseClient reads the entry of a client. An entry of more than one word is YAML: no header can hold such a token. Its
// errors do not show the entry.
func ParseClient(entry string) (c Client) {
	entry = strings.TrimSpace(entry)
	if !strings.ContainsAny(entry, " \t\r\n") && !strings.HasPrefix(entry, "{") {
		return Client{Token: entry}
	}
	d := yaml.NewDecoder(strings.NewReader(entry))
	d.KnownFields(true)
	c.RequestsPerMinute, c.TokensPerMinute = leftOut, leftOut
	rates := []*int{&c.RequestsPerMinute, &c.TokensPerMinute}
	switch err := d.Decode(&c); {
	case err != nil: // its text may show the token
		c.Err = errors.New("it is neither a token nor YAML of token, groups, requestsPerMinute and tokensPerMinute")
	case !errors.Is(d.Decode(new(yaml.Node)), io.EOF):
		c.Err = errors.New("it has more than one document of YAML")
	case c.Token == "" || strings.ContainsAny(c.Token, " \t\r\n"):
		c.Err = errors.New("its token must be one word")
	case slices.ContainsFunc(rates, func(n *int) bool { return *n != leftOut && (*n < 1 || *n > maxRate) }):
		c.Err = fmt.Errorf("requestsPerMinute and tokensPerMinute must be 1 to %d, or be left out", maxRate)
	default:
		c.Err = config.CheckGroups(c.Groups)
	}
	for _, n := range rates {
		if *n == leftOut {
			*n = 0
		}
	}
	return c
}

// checked refuses the clients that share a token: it would not tell which of their groups a caller has.
func (c Clients) checked() Clients {
	owner := map[string]string{}
	for name, client := range c {
		other, shared := owner[client.Token]
		owner[client.Token] = name
		if !shared || client.Token == "" {
			continue
		}
		for _, n := range []string{name, other} {
			refused := c[n]
			refused.Err = errors.New("another client has the same token: give each its own")
			c[n] = refused
		}
	}
	return c
}

// ClientsFile reads the gateway's clients from a file with a line name=entry for each, the format
// of `kubectl create secret generic --from-env-file`. The function that it returns reads the file
// each time, and fails if it has no client or one that is not valid.
func ClientsFile(path string) func() (Clients, error) {
	return func() (Clients, error) {
		b, err := read(path, maxBytes)
		if err != nil {
			return nil, fmt.Errorf("client keys: %w", err)
		}
		clients := Clients{}
		for i, line := range strings.Split(string(b), "\n") {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			name, entry, ok := strings.Cut(line, "=")
			if !ok || name == "" || entry == "" {
				return nil, fmt.Errorf("client keys: %s line %d is not name=token", path, i+1)
			}
			if _, twice := clients[name]; twice {
				return nil, fmt.Errorf("client keys: %s line %d: client %q is there twice", path, i+1, name)
			}
			clients[name] = ParseClient(entry)
		}
		if len(clients) == 0 {
			return nil, fmt.Errorf("client keys: %s has none: write a line name=token for each client", path)
		}
		for name, c := range clients.checked() {
			if c.Err != nil {
				return nil, fmt.Errorf("client keys: %s: client %q: %w", path, name, c.Err)
			}
		}
		return clients, nil
	}
}

// MountedClients reads the gateway's clients from a mounted Secret: each file is a client, with its
// entry as the content. The function that it returns reads the directory each time.
func MountedClients(dir string) func() (Clients, error) {
	return func() (Clients, error) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("client keys: %w", err)
		}
		clients := Clients{}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") { // the mount's own links
				continue
			}
			b, err := read(filepath.Join(dir, e.Name()), maxBytes)
			if err != nil {
				return nil, fmt.Errorf("client keys: %w", err)
			}
			clients[e.Name()] = ParseClient(string(b))
		}
		return clients.checked(), nil
	}
}
