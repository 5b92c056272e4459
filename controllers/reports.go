package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired"
)

// Reports reads what a data-plane pod says of itself on its ops port.
type Reports func(ctx context.Context, pod *corev1.Pod) (config.OpsStatus, error)

const (
	opsPort       = "9090"
	reportTimeout = 2 * time.Second
	maxReport     = 1 << 20
)

// HTTPReports reads reports by HTTP at the pods' own addresses. It follows no redirect and uses no proxy.
func HTTPReports() Reports {
	c := &http.Client{
		Timeout:       reportTimeout,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context, pod *corev1.Pod) (config.OpsStatus, error) {
		return readReport(ctx, c, "http://"+net.JoinHostPort(pod.Status.PodIP, opsPort)+config.OpsPath)
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

// readReports asks the gateway's and the ingestion's pods, all at once.
func (r *Reconciler) readReports(ctx context.Context, s *scene) {
	var gateways []corev1.Pod
	for _, pod := range s.podsOf(desired.ComponentGateway) {
		if running(&pod) {
			gateways = append(gateways, pod)
		}
	}
	reports := make([]*config.OpsStatus, len(gateways))
	var group sync.WaitGroup
	for i := range gateways {
		group.Go(func() {
			if report, err := r.Reports(ctx, &gateways[i]); err == nil {
				reports[i] = &report
			}
		})
	}
	for _, pod := range s.podsOf(desired.ComponentIngest) {
		if running(&pod) {
			group.Go(func() {
				if report, err := r.Reports(ctx, &pod); err == nil {
					s.run = &report
				}
			})
			break
		}
	}
	group.Wait()
	for i, report := range reports {
		switch {
		case report != nil:
			report.Ready = report.Ready && reachable(&gateways[i], r.now())
			s.gateways = append(s.gateways, *report)
		case ready(&gateways[i]):
			s.unreadable++
		}
	}
}

// running says whether a pod can be asked: it has an address, its containers run, and it is not about to end.
func running(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && pod.Status.Phase == corev1.PodRunning && pod.Status.PodIP != ""
}

func ready(pod *corev1.Pod) bool { return readySince(pod) != nil }

// readySince is when the pod became ready; nil while it is not.
func readySince(pod *corev1.Pod) *time.Time {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return &c.LastTransitionTime.Time
		}
	}
	return nil
}

// reachable says whether the nodes send a Service's questions to the pod: they learn of it a moment after it became
// ready.
func reachable(pod *corev1.Pod, now time.Time) bool {
	since := readySince(pod)
	return since != nil && now.Sub(*since) >= desired.GatewayMinReady*time.Second
}
