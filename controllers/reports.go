package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// Reports reads what a data-plane pod says of itself on its ops port.
type Reports func(ctx context.Context, pod *corev1.Pod) (config.OpsStatus, error)

const (
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

// readReports asks the gateway's and the ingestion's pods, all at once.
func (r *Reconciler) readReports(ctx context.Context, s *scene) {
	gateways := slices.DeleteFunc(s.podsOf(naming.ComponentGateway), silent)
	ingestion := slices.DeleteFunc(s.podsOf(naming.ComponentIngest), silent)
	reports := r.ask(ctx, append(slices.Clone(gateways), ingestion...))
	for i, report := range reports[:len(gateways)] {
		switch {
		case report != nil:
			report.Ready = report.Ready && reachable(&gateways[i], r.now())
			s.gateways = append(s.gateways, *report)
		case ready(&gateways[i]):
			s.unreadable++
		}
	}
	for _, report := range reports[len(gateways):] {
		if report != nil {
			s.ingestion = append(s.ingestion, *report)
		}
	}
}

// ask returns a report for each pod; nil for one that could not be read.
func (r *Reconciler) ask(ctx context.Context, pods []corev1.Pod) []*config.OpsStatus {
	reports := make([]*config.OpsStatus, len(pods))
	var group sync.WaitGroup
	for i := range pods {
		group.Go(func() {
			if report, err := r.Reports(ctx, &pods[i]); err == nil {
				reports[i] = &report
			}
		})
	}
	group.Wait()
	return reports
}

// silent reports whether a pod cannot be asked: it has no address, its containers do not run, or it is about to
// end.
func silent(pod corev1.Pod) bool {
	return pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodRunning || pod.Status.PodIP == ""
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
