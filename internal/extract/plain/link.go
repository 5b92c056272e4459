package plain

import (
	"net/url"
	"strings"
)

// LinkTarget returns where a link leads that goes through a service which counts or checks clicks, as programs write it
// into what they export: Google's exports and Outlook's safe links. It returns any other link as it is.
func LinkTarget(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return link
	}
	parameter := ""
	switch host := strings.ToLower(u.Hostname()); {
	case strings.HasPrefix(host, "www.google.") && u.Path == "/url":
		parameter = "q"
		if u.Query().Get(parameter) == "" {
			parameter = "url"
		}
	case strings.HasSuffix(host, ".safelinks.protection.outlook.com"):
		parameter = "url"
	}
	if parameter == "" {
		return link
	}
	target := u.Query().Get(parameter)
	if t, err := url.Parse(target); err != nil || t.Host == "" {
		return link
	}
	return target
}
