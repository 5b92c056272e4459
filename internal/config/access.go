package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// AccessMode says who sees a document without access.
type AccessMode string

// The modes; empty means Open.
const (
	AccessOpen     AccessMode = "Open"     // everyone
	AccessEnforced AccessMode = "Enforced" // nobody
)

// OIDC is the issuer whose tokens the gateway's clients send.
type OIDC struct {
	Issuer string `json:"issuer"`
	// Audience is what a token must be for.
	Audience string `json:"audience"`
	// ClientID is the public client with which the page signs its users in; empty lets it sign in nobody.
	ClientID string `json:"clientID,omitempty"`
	// GroupsClaim is the claim that lists the caller's groups.
	GroupsClaim string `json:"groupsClaim"`
	// RequestsPerMinute and TokensPerMinute bound what one gateway does for a caller; 0 does not bound it.
	RequestsPerMinute int `json:"requestsPerMinute,omitempty"`
	TokensPerMinute   int `json:"tokensPerMinute,omitempty"`
}

// Access is the groups that may see a document, in order. Nil lets everyone, or nobody, as the AccessMode says; an
// empty list lets nobody.
type Access []string

// Bounds on groups.
const (
	MaxGroups = 64  // of a document, or of a client in a Secret
	MaxGroup  = 256 // bytes of a group's name
)

// CheckGroups returns an error that tells why the names cannot be groups, for the user.
func CheckGroups(groups []string) error {
	if len(groups) > MaxGroups {
		return fmt.Errorf("there are %d groups, at most %d are taken", len(groups), MaxGroups)
	}
	for _, g := range groups {
		if g == "" || len(g) > MaxGroup || !utf8.ValidString(g) || strings.TrimSpace(g) != g {
			return fmt.Errorf("%.40q is not a valid group: a name has 1 to %d bytes, and no white space at its ends",
				g, MaxGroup)
		}
	}
	return nil
}

// Narrow returns the groups that both lists let see; nil only if both are. A list never widens another one.
func (a Access) Narrow(by Access) Access {
	if a == nil || by == nil {
		return slices.Concat(a, by).sorted(a != nil || by != nil)
	}
	both := slices.DeleteFunc(slices.Clone(a), func(g string) bool { return !slices.Contains(by, g) })
	return both.sorted(true)
}

// sorted has each group once, in order. It is nil unless there is a list.
func (a Access) sorted(listed bool) Access {
	if !listed {
		return nil
	}
	slices.Sort(a)
	return append(Access{}, slices.Compact(a)...)
}

// Within reports whether nobody sees a document with the list whom the other list does not let see it.
func (a Access) Within(other Access) bool {
	if other == nil {
		return true
	}
	return a != nil && !slices.ContainsFunc(a, func(g string) bool { return !slices.Contains(other, g) })
}

// Access returns who may see a document that has the metadata. The stores keep the list there, under KeyAccess. A
// value that is not a list lets nobody see it.
func (m Metadata) Access() Access {
	value, found := m[KeyAccess]
	if !found {
		return nil
	}
	access := Access{}
	if value.IsList() {
		for _, s := range value.Scalars() {
			access = append(access, s.Text)
		}
	}
	return access
}

// WithAccess returns a copy of the metadata that has the list.
func (m Metadata) WithAccess(a Access) Metadata {
	if a == nil {
		return m.WithoutAccess()
	}
	m = maps.Clone(m)
	if m == nil {
		m = Metadata{}
	}
	m[KeyAccess] = List(a...)
	return m
}

// WithoutAccess returns the metadata as callers see it: they do not see who else sees a document.
func (m Metadata) WithoutAccess() Metadata {
	if _, found := m[KeyAccess]; !found {
		return m
	}
	if m = maps.Clone(m); len(m) == 1 {
		return nil
	}
	delete(m, KeyAccess)
	return m
}
