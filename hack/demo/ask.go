package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// completion is what is printed of a chat completion.
type completion struct {
	Choices []struct {
		Message struct{ Content string }
	}
	Citations struct {
		Results []struct {
			Document string `json:"document_id"`
			Score    float64
			Metadata struct{ Heading string }
		}
	}
	Warnings []struct{ Stage, Message string }
	Metrics  struct {
		Total float64 `json:"total_time_ms"`
	}
}

// ask sends the question to the address of the gateway's Service, with the key that the operator
// made.
func ask(ctx context.Context, api client.Client, name, question string) error {
	var service corev1.Service
	if err := api.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name + "-gateway"}, &service); err != nil {
		return err
	}
	var secret corev1.Secret
	if err := api.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name + "-gateway-key"}, &secret); err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"messages": []map[string]string{{"role": "user", "content": question}}})
	if err != nil {
		return err
	}
	address := net.JoinHostPort(service.Spec.ClusterIP, fmt.Sprint(service.Spec.Ports[0].Port))
	url := "http://" + address + "/v1/chat/completions"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	for _, key := range secret.Data {
		request.Header.Set("Authorization", "Bearer "+string(key))
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	content, err := io.ReadAll(io.LimitReader(reply.Body, 8<<20))
	if err != nil {
		return err
	}
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("the gateway answers %s: %.500s", reply.Status, content)
	}
	var c completion
	if err := json.Unmarshal(content, &c); err != nil || len(c.Choices) == 0 {
		return fmt.Errorf("the gateway's answer is none: %w", err)
	}
	show(&c)
	return nil
}

func show(c *completion) {
	fmt.Fprintln(os.Stdout, c.Choices[0].Message.Content)
	fmt.Fprintln(os.Stdout, "\nCitations")
	for i, r := range c.Citations.Results {
		place := r.Document
		if r.Metadata.Heading != "" {
			place += ", " + r.Metadata.Heading
		}
		fmt.Fprintf(os.Stdout, "  [%d] %s (score %.2f)\n", i+1, place, r.Score)
	}
	for _, w := range c.Warnings {
		fmt.Fprintf(os.Stdout, "warning: %s: %s\n", w.Stage, w.Message)
	}
	fmt.Fprintf(os.Stdout, "\nIn %.1f ms\n", c.Metrics.Total)
}
