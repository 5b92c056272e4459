//go:build deps

package main

import (
	_ "github.com/weaviate/weaviate-go-client/v5/weaviate"
	_ "github.com/weaviate/weaviate-go-client/v5/weaviate/auth"
	_ "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
	_ "github.com/yuin/gopher-lua"
	_ "go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	_ "google.golang.org/grpc"
	_ "k8s.io/api/apps/v1"
	_ "k8s.io/client-go/applyconfigurations/apps/v1"
	_ "k8s.io/client-go/kubernetes"
	_ "sigs.k8s.io/cli-utils/pkg/kstatus/status"
	_ "sigs.k8s.io/controller-runtime"
	_ "sigs.k8s.io/controller-runtime/pkg/client/fake"
	_ "sigs.k8s.io/controller-runtime/pkg/envtest"
)
