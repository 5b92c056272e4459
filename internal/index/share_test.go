package index

import (
	"fmt"
	"testing"
)

// Every document is in one share, and the shares are about equal for names that differ in little.
func TestSharesDivideTheDocuments(t *testing.T) {
	const documents = 10_000
	for _, workers := range []int{1, 2, 3, 8, 32} {
		sizes := make([]int, workers)
		for i := range documents {
			document, owners := fmt.Sprintf("papers/%05d.pdf", i), 0
			for worker := range workers {
				if (Share{Worker: worker, Workers: workers}).Has(document) {
					sizes[worker]++
					owners++
				}
			}
			if owners != 1 {
				t.Fatalf("%s is in %d of %d shares", document, owners, workers)
			}
		}
		for worker, size := range sizes {
			if even := documents / workers; size < even*8/10 || size > even*12/10 {
				t.Errorf("worker %d of %d has %d documents, where %d would be even", worker, workers, size, even)
			}
		}
	}
	if !(Share{}).Has("any/document") {
		t.Error("the zero share does not have every document")
	}
}
