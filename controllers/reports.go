package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Reports reads a data-plane pod's own report from its ops port.
type Reports func(ctx context.Context, pod *corev1.Pod) (config.OpsStatus, error)

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
	return func(ctx context.Context, pod *corev1.Pod) (config.OpsStatus, error) {
		return readReport(ctx, c, "http://"+net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(config.OpsPort))+config.OpsPath)
	}
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
		return report, fmt.Errorf("report: HTTP %d", response.StatusCode)
	}
	err = json.NewDecoder(io.LimitReader(response.Body, maxReport)).Decode(&report)
	return report, err
}
