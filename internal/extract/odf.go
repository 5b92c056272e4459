package extract

import (
	"context"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func readODF(context.Context, source) (*Document, error) {
	return nil, config.Failf(config.Unsupported, "OpenDocument files are not read: save it as DOCX or PDF")
}
