package desired

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// service makes a Service for the pods that the selector finds.
func (b builder) service(name, component string, selector map[string]string, ports ...*corev1ac.ServicePortApplyConfiguration) *corev1ac.ServiceApplyConfiguration {
	return corev1ac.Service(name, b.p.Namespace).
		WithLabels(naming.Labels(b.p, component)).
		WithSpec(corev1ac.ServiceSpec().WithSelector(selector).WithPorts(ports...))
}

// servicePort leads to the container's port of the same name. The target is named because an apply that leaves it
// out fights the API server's default.
func servicePort(name string, number int32) *corev1ac.ServicePortApplyConfiguration {
	return corev1ac.ServicePort().
		WithName(name).
		WithPort(number).
		WithTargetPort(intstr.FromString(name)).
		WithProtocol(corev1.ProtocolTCP)
}

func serviceURL(host string, port int) string { return "http://" + host + ":" + strconv.Itoa(port) }
