package controllers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/certificates"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/plan"
)

// Reports reads a data-plane pod's own report from its ops port. A port with TLS has to prove by the authority, in PEM,
// that it is the pod's.
type Reports func(ctx context.Context, pod *corev1.Pod, authority []byte) (config.OpsStatus, error)

const (
	reportTimeout = 2 * time.Second
	maxReport     = 1 << 20
)

// HTTPReports reads reports by HTTP at the pods' own addresses. It follows no redirect and uses no
// proxy.
func HTTPReports() Reports {
	c := &http.Client{
		Timeout:       reportTimeout,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context, pod *corev1.Pod, authority []byte) (config.OpsStatus, error) {
		address := net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(config.OpsPort)) + config.OpsPath
		if !plan.Encrypted(pod) {
			return readReport(ctx, c, "http://"+address)
		}
		encrypted := *c
		encrypted.Transport = verifying(pod, authority)
		return readReport(ctx, &encrypted, "https://"+address)
	}
}

// verifying asks a pod by its address, which no certificate has, for the name of its component. Its connections are not
// kept: the next report may have to be verified by another authority.
func verifying(pod *corev1.Pod, authority []byte) *http.Transport {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	names := naming.Names{Pipeline: pod.Labels[naming.LabelPipeline]}
	host := names.Tasks(pod.Labels[naming.LabelComponent]) // the gateway's name has the same form
	return &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: certificates.Name(host, pod.Namespace),
	}}
}

// statusError is the HTTP status of an answer that is not a report.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("the answer is HTTP %d", int(e)) }

// reportFault says why a report could not be read, in words that are the same on every attempt: without addresses, and
// without the pod's own words. It is empty without an error.
func reportFault(err error) string {
	var answered statusError
	var silent net.Error
	switch {
	case err == nil:
		return ""
	case config.Distrust(err.Error()) != "":
		return config.Distrust(err.Error())
	case errors.As(err, &answered):
		return answered.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection is refused"
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, new(tls.RecordHeaderError)):
		return "its port does not speak TLS"
	case errors.As(err, &silent) && silent.Timeout():
		return fmt.Sprintf("no answer came within %s", reportTimeout)
	case errors.As(err, new(*url.Error)):
		return "the connection fails"
	}
	return "the answer is not a report"
}

func readReport(ctx context.Context, c *http.Client, url string) (config.OpsStatus, error) {
	var report config.OpsStatus
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return report, err
	}
	response, err := c.Do(request)
	if err != nil {
		return report, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return report, statusError(response.StatusCode)
	}
	err = json.NewDecoder(io.LimitReader(response.Body, maxReport)).Decode(&report)
	return report, err
}
