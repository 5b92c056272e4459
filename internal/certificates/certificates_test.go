package certificates

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func renewed(t *testing.T, entries map[string][]byte, now time.Time, hosts ...string) (map[string][]byte, time.Time) {
	t.Helper()
	next, due, err := Renew(entries, "rag", Request{Hosts: hosts}, now)
	if err != nil {
		t.Fatal(err)
	}
	if !due.After(now) {
		t.Fatalf("due at %s, which is not after %s", due, now)
	}
	again, _, err := Renew(next, "rag", Request{Hosts: hosts}, now)
	if err != nil || !maps.EqualFunc(next, again, bytes.Equal) {
		t.Fatalf("at %s, renewing twice changes something: %v", now, err)
	}
	return next, due
}

// verify is what a client does that read the authority's entry at some time.
func verify(authority []byte, entries map[string][]byte, host, name string, now time.Time) error {
	pair, err := tls.X509KeyPair(entries[CertificateEntry(host)], entries[KeyEntry(host)])
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	_, err = pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: now})
	return err
}

func TestEachHostProvesItsOwnNameAndNoOther(t *testing.T) {
	entries, _ := renewed(t, nil, start, "papers-weaviate", "papers-gateway")
	authority := entries[AuthorityEntry]
	if err := verify(authority, entries, "papers-weaviate", "papers-weaviate.rag.svc", start); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"papers-gateway.rag.svc", "papers-weaviate.other.svc", "10.0.0.1", "api.example.com"} {
		if verify(authority, entries, "papers-weaviate", name, start) == nil {
			t.Errorf("the store proves to be %s", name)
		}
	}
	other, _ := renewed(t, nil, start, "papers-weaviate")
	if verify(other[AuthorityEntry], entries, "papers-weaviate", "papers-weaviate.rag.svc", start) == nil {
		t.Error("another pipeline's authority vouches for the store")
	}
	if keys := slices.Collect(maps.Keys(entries)); len(keys) != 6 {
		t.Errorf("entries %v", keys)
	}
}

// With a stolen key of the authority, a thief can vouch for Services of the namespace, and for nothing that pods call
// elsewhere.
func TestTheAuthorityCannotVouchForOtherServers(t *testing.T) {
	entries, _ := renewed(t, nil, start, "papers-weaviate")
	a, err := Request{}.authority(entries, "rag", start)
	if err != nil {
		t.Fatal(err)
	}
	for name, valid := range map[string]bool{"any.rag.svc": true, "api.example.com": false, "any.other.svc": false} {
		forged := map[string][]byte{}
		forged["x.crt"], forged["x.key"], err = a.issue(name, start)
		if err != nil {
			t.Fatal(err)
		}
		if err := verify(entries[AuthorityEntry], forged, "x", name, start); (err == nil) != valid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A client reads the authority at its start or a day later, a server its certificate within a day: however they meet in
// twenty years, they understand each other.
func TestRenewalInterruptsNobody(t *testing.T) {
	const host, name = "papers-weaviate", "papers-weaviate.rag.svc"
	entries, due := renewed(t, nil, start, host)
	leaves, authorities := 1, 1
	for now := due; now.Before(start.AddDate(20, 0, 0)); now = due {
		before := entries
		entries, due = renewed(t, before, now, host)
		if !bytes.Equal(before[CertificateEntry(host)], entries[CertificateEntry(host)]) {
			leaves++
		}
		if !bytes.Equal(before[AuthorityEntry], entries[AuthorityEntry]) {
			authorities++
		}
		for _, client := range []map[string][]byte{before, entries} {
			for _, server := range []map[string][]byte{before, entries} {
				for _, at := range []time.Time{now, now.Add(23 * time.Hour)} {
					if err := verify(client[AuthorityEntry], server, host, name, at); err != nil {
						t.Fatalf("at %s: %v", at, err)
					}
				}
			}
		}
	}
	if leaves < 28 || leaves > 35 || authorities < 3 || authorities > 6 {
		t.Errorf("in twenty years, %d certificates of %d authorities", leaves, authorities)
	}
	if n := len(parse(entries[AuthorityEntry])); n > 2 {
		t.Errorf("clients trust %d authorities", n)
	}
}

// Only the key of the authority before endorses another one: its certificate is known to many.
func TestANewAuthorityIsEndorsedByTheOneBefore(t *testing.T) {
	first, _ := renewed(t, nil, start, "a")
	next, _ := renewed(t, first, start.AddDate(7, 0, 0), "a")
	if got := Endorsed(next); len(got) != 2 || !bytes.Equal(got[1], first[AuthorityEntry]) {
		t.Fatalf("%d authorities are endorsed", len(got))
	}
	if later, _ := renewed(t, next, start.AddDate(11, 0, 0), "a"); len(Endorsed(later)) != 1 || later[endorsement] != nil {
		t.Error("one that has expired still endorses")
	}
	forged, _ := renewed(t, nil, start, "a")
	for name, signature := range map[string][]byte{"none": nil, "another's": next[endorsement], "noise": []byte("noise")} {
		entries := map[string][]byte{
			AuthorityEntry: slices.Concat(forged[AuthorityEntry], first[AuthorityEntry]), endorsement: signature,
		}
		if got := Endorsed(entries); len(got) != 1 || !bytes.Equal(got[0], forged[AuthorityEntry]) {
			t.Errorf("endorsement %s: %d authorities", name, len(got))
		}
	}
}

// An operator whose clock was ahead made an authority that no client trusts before that time.
func TestCertificatesOfAClockThatWasAheadAreMadeAnew(t *testing.T) {
	entries, _ := renewed(t, nil, start.AddDate(1, 0, 0), "a")
	next, _ := renewed(t, entries, start, "a")
	if err := verify(next[AuthorityEntry], next, "a", Name("a", "rag"), start); err != nil {
		t.Error(err)
	}
	if len(parse(next[AuthorityEntry])) != 1 {
		t.Error("clients still have the authority that is not valid yet")
	}
}

func TestNothingIsRenewedBeforeItsTime(t *testing.T) {
	entries, due := renewed(t, nil, start, "a")
	if early := start.AddDate(0, 7, 0); due.Before(early) {
		t.Errorf("due at %s", due)
	}
	same, again := renewed(t, entries, due.Add(-time.Minute), "a")
	if !maps.EqualFunc(entries, same, bytes.Equal) || !again.Equal(due) {
		t.Error("a certificate was renewed before its time")
	}
	next, _ := renewed(t, entries, due, "a")
	if bytes.Equal(next["a.crt"], entries["a.crt"]) || bytes.Equal(next["a.key"], entries["a.key"]) {
		t.Error("a certificate was not renewed, or has its old key")
	}
	if !bytes.Equal(next[AuthorityEntry], entries[AuthorityEntry]) {
		t.Error("the authority was renewed with it")
	}
}

func TestWhatIsDamagedIsMadeAnew(t *testing.T) {
	other, _ := renewed(t, nil, start, "a", "b")
	for name, damage := range map[string]struct {
		change       func(map[string][]byte)
		newAuthority bool
	}{
		"a host's certificate is lost":          {func(m map[string][]byte) { delete(m, "a.crt") }, false},
		"a host's key is another's":             {func(m map[string][]byte) { m["a.key"] = m["b.key"] }, false},
		"a host's certificate is not PEM":       {func(m map[string][]byte) { m["a.crt"] = []byte("-----BEGIN") }, false},
		"a host has another's certificate":      {func(m map[string][]byte) { m["a.crt"], m["a.key"] = m["b.crt"], m["b.key"] }, false},
		"a host's is from another authority":    {func(m map[string][]byte) { m["a.crt"], m["a.key"] = other["a.crt"], other["a.key"] }, false},
		"the authority's key is lost":           {func(m map[string][]byte) { delete(m, authorityKey) }, true},
		"the authority's key is another's":      {func(m map[string][]byte) { m[authorityKey] = other[authorityKey] }, true},
		"the authority's certificate is a host": {func(m map[string][]byte) { m[AuthorityEntry], m[authorityKey] = m["a.crt"], m["a.key"] }, true},
	} {
		t.Run(name, func(t *testing.T) {
			entries, _ := renewed(t, nil, start, "a", "b")
			damaged := maps.Clone(entries)
			damage.change(damaged)
			next, _ := renewed(t, damaged, start.Add(time.Hour), "a", "b")
			for _, host := range []string{"a", "b"} {
				if err := verify(next[AuthorityEntry], next, host, Name(host, "rag"), start.Add(time.Hour)); err != nil {
					t.Error(err)
				}
			}
			if anew := !bytes.Equal(next[AuthorityEntry], entries[AuthorityEntry]); anew != damage.newAuthority {
				t.Errorf("there is a new authority: %t", anew)
			}
			if damage.newAuthority && len(parse(next[AuthorityEntry])) != 1 {
				t.Error("an authority stays trusted whose key may be somebody else's")
			}
		})
	}
}

// Pods of a model that is retired may answer for a while, and mount the entries of their host.
func TestAHostThatIsNotWantedKeepsItsCertificateUntilItIsDue(t *testing.T) {
	entries, due := renewed(t, nil, start, "a", "old")
	next, _ := renewed(t, entries, start.AddDate(0, 1, 0), "a", "new")
	if !bytes.Equal(next["old.crt"], entries["old.crt"]) || next["new.crt"] == nil {
		t.Error("the old host's certificate is gone, or the new one has none")
	}
	last, _ := renewed(t, next, due, "a", "new")
	for entry := range last {
		if strings.HasPrefix(entry, "old") {
			t.Errorf("%s is still there", entry)
		}
	}
}

// While nothing else of a pipeline changes, its gateways do not learn of another authority.
func TestAnAuthorityIsKeptForClientsThatWouldNotLearnOfAnother(t *testing.T) {
	kept := Request{Hosts: []string{"store"}, KeepAuthority: true}
	entries, _ := renewed(t, nil, start, "store")
	known := entries[AuthorityEntry]
	now := start
	for now.Before(start.Add(authorityLife - hostLife/2)) {
		next, due, err := Renew(entries, "rag", kept, now)
		if err != nil {
			t.Fatal(err)
		}
		if !due.After(now) {
			t.Fatalf("due at %s, which is not after %s", due, now)
		}
		if err := verify(known, next, "store", Name("store", "rag"), now); err != nil {
			t.Fatalf("at %s: %v", now, err)
		}
		entries, now = next, due
	}
	entries, _ = renewed(t, entries, now, "store")
	if bytes.Equal(entries[AuthorityEntry], known) {
		t.Error("afterwards, it is not replaced")
	}
}
