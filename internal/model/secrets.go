package model

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
)

// secretsIn are the parts of a url that may be secrets: the password, or else the user, and the values of parameters.
func secretsIn(u *url.URL) (secrets []string) {
	if password, set := u.User.Password(); set {
		secrets = append(secrets, password)
	} else if user := u.User.Username(); user != "" {
		secrets = append(secrets, user)
	}
	for name, values := range u.Query() {
		for _, value := range values {
			if mayBeSecret(name, value) {
				secrets = append(secrets, value)
			}
		}
	}
	return secrets
}

// secretsOf are the texts of a value of any shape, such as extraBody, that may be secrets.
func secretsOf(name string, v any) (secrets []string) {
	switch v := v.(type) {
	case string:
		if mayBeSecret(name, v) {
			return []string{v}
		}
	case []any:
		for _, each := range v {
			secrets = append(secrets, secretsOf(name, each)...)
		}
	case map[string]any:
		for inner, each := range v {
			secrets = append(secrets, secretsOf(name+"."+inner, each)...)
		}
	}
	return secrets
}

// longText is a length, in bytes, from which any text of an unknown meaning may be a secret. Versions and names of
// levels, which servers' messages are about, are shorter.
const longText = 20

// mayBeSecret reports whether the value of a parameter or of a field may be a secret, by the name or by its length.
func mayBeSecret(name, value string) bool {
	return len(value) >= longText || len(value) >= leastSecret && containsAny(name, secretNames)
}

var secretNames = []string{"key", "token", "secret", "pass", "sig", "auth", "cred", "code", "session", "jwt"}

// leastEncoded is the length, in bytes, from which a secret is looked for in its encoded forms too. Those of shorter
// ones are in too many words.
const leastEncoded = 8

// formsOf are the secrets as servers echo them: as they are, as in urls, in base64, wherever within it they begin, and
// in hexadecimal.
func formsOf(secrets []string) (forms []string) {
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		forms = append(forms, secret)
		if len(secret) < leastEncoded {
			continue
		}
		forms = append(forms, url.QueryEscape(secret), url.PathEscape(secret), fmt.Sprintf("%x", secret))
		for before := range 3 {
			forms = append(forms, within(base64.RawStdEncoding, secret, before), within(base64.RawURLEncoding, secret, before))
		}
	}
	return forms
}

// within is what stands for the secret within the base64 of a text that has so many bytes more before it, modulo 3. The
// letters at its ends depend on its neighbours, and are left out.
func within(e *base64.Encoding, secret string, before int) string {
	encoded := e.EncodeToString([]byte(strings.Repeat("\x00", before) + secret))
	return encoded[(before*8+5)/6 : (before+len(secret))*8/6]
}

// hide replaces the secrets in a message.
func hide(message string, forms []string) string {
	for _, form := range forms {
		message = strings.ReplaceAll(message, form, "[key]")
	}
	return message
}
