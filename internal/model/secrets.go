package model

import "net/url"

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
