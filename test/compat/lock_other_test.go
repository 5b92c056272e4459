//go:build !unix

package compat

import (
	"context"
	"errors"
)

func lock(context.Context, string) (unlock func(), err error) {
	return nil, errors.New("the Python clients are run on Unix only")
}
