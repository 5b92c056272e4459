// Package certificates makes the certificates by which a pipeline's own pods know each other, and the
// private authority that signs them.
package certificates

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// The entries of the authority. Those of a host are its name with the endings .crt and .key.
const (
	AuthorityEntry = "ca.crt" // its certificate, the newest first: clients trust each
	authorityKey   = "ca.key" // no pod has it
	// endorsement is the signature of the newest certificate by the key of the one before.
	endorsement = "ca.endorsement"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	hostLife      = 365 * 24 * time.Hour
	// backdated is how far the clocks of nodes may differ.
	backdated = time.Hour
	// spread is the time in which every client learns of a new authority. It signs nothing before, unless a
	// host has no certificate to go on with.
	spread = 24 * time.Hour
)

// CertificateEntry and KeyEntry are a host's entries.
func CertificateEntry(host string) string { return host + ".crt" }

// KeyEntry is the entry of a host's key.
func KeyEntry(host string) string { return host + ".key" }

// Name is the name that a host's certificate proves: that of a Service, which a pod's resolver completes.
func Name(host, namespace string) string { return host + "." + namespace + ".svc" }

// renewal is when a certificate is to be replaced: when a third of its life is left.
func renewal(c *x509.Certificate) time.Time { return c.NotAfter.Add(-c.NotAfter.Sub(c.NotBefore) / 3) }

// Request says who is to have a certificate.
type Request struct {
	// Hosts are the Services whose names the certificates prove.
	Hosts []string
	// KeepAuthority keeps an authority for as long as it is usable: clients would not learn of another.
	KeepAuthority bool
}

// Renew returns the entries that are to be, and when they are to be looked at next. It keeps what is
// usable and not due. A host that is not wanted any more keeps its certificate until that is due, because
// pods of it may still run.
func Renew(
	entries map[string][]byte, namespace string, r Request, now time.Time,
) (next map[string][]byte, due time.Time, err error) {
	a, err := r.authority(entries, namespace, now)
	if err != nil {
		return nil, due, err
	}
	next = map[string][]byte{AuthorityEntry: encodeAll(a.trusted), authorityKey: a.keyPEM}
	if len(a.trusted) > 1 {
		next[endorsement] = a.endorsement
	}
	due = r.authorityDue(a)
	wanted := map[string]bool{}
	for _, host := range r.Hosts {
		wanted[host] = true
		certificate := a.find(entries, host, namespace, now)
		if certificate == nil {
			if next[CertificateEntry(host)], next[KeyEntry(host)], err = a.issue(Name(host, namespace), now); err != nil {
				return nil, due, fmt.Errorf("make the certificate of %s: %w", host, err)
			}
			certificate = parse(next[CertificateEntry(host)])[0]
		} else {
			keep(next, entries, host)
		}
		due = earlier(due, a.due(certificate))
	}
	for entry := range entries {
		host, isCertificate := cutCertificate(entry)
		if !isCertificate || wanted[host] {
			continue
		}
		if certificate := a.find(entries, host, namespace, now); certificate != nil {
			keep(next, entries, host)
			due = earlier(due, a.due(certificate))
		}
	}
	return next, due, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func keep(next, entries map[string][]byte, host string) {
	for _, entry := range []string{CertificateEntry(host), KeyEntry(host)} {
		next[entry] = entries[entry]
	}
}

func cutCertificate(entry string) (host string, ok bool) {
	const ending = ".crt"
	if len(entry) <= len(ending) || entry[len(entry)-len(ending):] != ending || entry == AuthorityEntry {
		return "", false
	}
	return entry[:len(entry)-len(ending)], true
}

// authority signs certificates.
type authority struct {
	trusted []*x509.Certificate // the newest first, whose key this is
	key     *ecdsa.PrivateKey
	keyPEM  []byte
	// endorsement is by the key of the authority before, if that is trusted, too.
	endorsement []byte
}

// authority is the one in the entries, or a new one. One that is due stays trusted beside its successor;
// one whose key does not fit is not.
func (r Request) authority(entries map[string][]byte, namespace string, now time.Time) (*authority, error) {
	a := &authority{
		trusted: parse(entries[AuthorityEntry]), keyPEM: entries[authorityKey], endorsement: entries[endorsement],
	}
	a.key, _ = parseKey(a.keyPEM)
	if !a.usable(namespace, now) {
		return newAuthority(namespace, now, nil)
	}
	if !now.Before(r.authorityDue(a)) {
		return newAuthority(namespace, now, a)
	}
	if len(a.trusted) > 1 && now.After(a.trusted[1].NotAfter) {
		a.trusted = a.trusted[:1]
	}
	return a, nil
}

func (r Request) authorityDue(a *authority) time.Time {
	if r.KeepAuthority {
		return a.trusted[0].NotAfter
	}
	return renewal(a.trusted[0])
}

func (a *authority) usable(namespace string, now time.Time) bool {
	if len(a.trusted) == 0 || a.key == nil {
		return false
	}
	newest := a.trusted[0]
	domains := newest.PermittedDNSDomains
	return a.key.PublicKey.Equal(newest.PublicKey) && newest.IsCA &&
		!now.Before(newest.NotBefore) && now.Before(newest.NotAfter) &&
		len(domains) == 1 && domains[0] == constraint(namespace)
}

// constraint is the domain to which the authority is bound: it can vouch for nothing but Services of its
// namespace.
func constraint(namespace string) string { return namespace + ".svc" }

// newAuthority is trusted beside the one before, which endorses it; nil for none.
func newAuthority(namespace string, now time.Time, before *authority) (*authority, error) {
	template := &x509.Certificate{
		Subject:                     pkix.Name{CommonName: "RAGPipeline authority"},
		NotBefore:                   now.Add(-backdated),
		NotAfter:                    now.Add(authorityLife),
		KeyUsage:                    x509.KeyUsageCertSign,
		BasicConstraintsValid:       true,
		IsCA:                        true,
		MaxPathLenZero:              true,
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         []string{constraint(namespace)},
		ExcludedIPRanges: []*net.IPNet{
			{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}, {IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)},
		},
	}
	certificate, key, keyPEM, err := sign(template, nil)
	if err != nil {
		return nil, fmt.Errorf("make the authority: %w", err)
	}
	a := &authority{trusted: []*x509.Certificate{certificate}, key: key, keyPEM: keyPEM}
	if before == nil {
		return a, nil
	}
	a.trusted = append(a.trusted, before.trusted[0])
	digest := sha256.Sum256(certificate.Raw)
	if a.endorsement, err = ecdsa.SignASN1(rand.Reader, before.key, digest[:]); err != nil {
		return nil, fmt.Errorf("endorse the authority: %w", err)
	}
	return a, nil
}

// Endorsed are the newest authority of the entries, and the one before if that has endorsed it, each as PEM: knowing
// either is reason to trust the newest.
func Endorsed(entries map[string][]byte) (authorities [][]byte) {
	trusted := parse(entries[AuthorityEntry])
	for i, c := range trusted {
		if i > 0 {
			key, ok := c.PublicKey.(*ecdsa.PublicKey)
			digest := sha256.Sum256(trusted[0].Raw)
			if i > 1 || !ok || !ecdsa.VerifyASN1(key, digest[:], entries[endorsement]) {
				break
			}
		}
		authorities = append(authorities, encodeAll([]*x509.Certificate{c}))
	}
	return authorities
}

// find returns the host's certificate if it is usable and not due; nil otherwise.
func (a *authority) find(entries map[string][]byte, host, namespace string, now time.Time) *x509.Certificate {
	certificates := parse(entries[CertificateEntry(host)])
	key, err := parseKey(entries[KeyEntry(host)])
	if err != nil || len(certificates) != 1 || !key.PublicKey.Equal(certificates[0].PublicKey) {
		return nil
	}
	roots := x509.NewCertPool()
	for _, trusted := range a.trusted {
		roots.AddCert(trusted)
	}
	_, err = certificates[0].Verify(x509.VerifyOptions{DNSName: Name(host, namespace), Roots: roots, CurrentTime: now})
	if err != nil || !now.Before(a.due(certificates[0])) {
		return nil
	}
	return certificates[0]
}

// due is when a certificate is to be replaced: never while the authority is too new to be known everywhere,
// unless it would expire.
func (a *authority) due(c *x509.Certificate) time.Time {
	due, known := renewal(c), a.trusted[0].NotBefore.Add(backdated+spread)
	if len(a.trusted) > 1 && due.Before(known) {
		due = earlier(known, c.NotAfter.Add(-backdated))
	}
	return due
}

func (a *authority) issue(name string, now time.Time) (certificate, key []byte, err error) {
	issued, _, key, err := sign(&x509.Certificate{
		DNSNames:    []string{name},
		NotBefore:   now.Add(-backdated),
		NotAfter:    now.Add(hostLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a)
	if err != nil {
		return nil, nil, err
	}
	return encodeAll([]*x509.Certificate{issued}), key, nil
}

// sign makes a key and its certificate, which signs itself without an authority.
func sign(template *x509.Certificate, by *authority) (*x509.Certificate, *ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, nil, err
	}
	template.SerialNumber = serial
	parent, signer := template, key
	if by != nil {
		parent, signer = by.trusted[0], by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, nil, nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, nil, err
	}
	return certificate, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), nil
}

func encodeAll(certificates []*x509.Certificate) (text []byte) {
	for _, c := range certificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return text
}

// parse returns the certificates of a PEM text; none if one of them cannot be read.
func parse(text []byte) (list []*x509.Certificate) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil
		}
		list = append(list, c)
	}
	return list
}

func parseKey(text []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	own, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("not an ECDSA key")
	}
	return own, nil
}
