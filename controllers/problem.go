package controllers

import (
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/status"
)

// problemOf is the one place that says what an error of a pass means to the user.
func problemOf(err error) status.Problem {
	var configuration *derive.ConfigurationError
	var taken *apply.NameTakenError
	var waiting *apply.WaitingError
	switch {
	case err == nil:
		return status.Problem{}
	case errors.As(err, &configuration):
		return status.Problem{Reason: v1alpha1.ReasonConfigurationError, Message: err.Error(), Terminal: true}
	case errors.As(err, &taken):
		return status.Problem{Reason: v1alpha1.ReasonNameTaken, Message: taken.Error(), Terminal: true}
	case errors.As(err, &waiting):
		return status.Problem{Reason: v1alpha1.ReasonWaiting, Message: "an earlier " + waiting.Kind + " is being deleted, and is made anew when it is gone"}
	default:
		// What the API server finds invalid, such as a volume that shrinks, it finds invalid again.
		return status.Problem{Reason: v1alpha1.ReasonApplyFailed, Message: err.Error(), Terminal: apierrors.IsInvalid(err)}
	}
}
