package weaviate

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// names are what a generation's collections and their objects are called.
type names struct {
	prefix         string
	chunks, ledger string // collections
}

func newNames(configured string, p config.Pipeline, g config.Generation) names {
	prefix := capital(cmp.Or(configured, defaultPrefix(p)))
	collection := prefix + "_" + g.Fingerprint()
	return names{prefix: prefix, chunks: collection + "_Chunks", ledger: collection + "_Ledger"}
}

// defaultPrefix is <namespace>_<name>. A collection's name has no hyphens, so they become two underscores each:
// as neither part begins or ends with a hyphen, only the border is an odd number of them.
func defaultPrefix(p config.Pipeline) string {
	double := strings.NewReplacer("-", "__")
	prefix := double.Replace(p.Namespace) + "_" + double.Replace(p.Name)
	if prefix[0] >= '0' && prefix[0] <= '9' {
		return "N_" + prefix
	}
	return prefix
}

// capital gives the name the first letter that Weaviate demands.
func capital(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// isGeneration says whether the collection is of a generation under the prefix, this one or another.
func (n names) isGeneration(collection string) bool {
	rest, ok := strings.CutPrefix(collection, n.prefix+"_")
	return ok && generationSuffix.MatchString(rest)
}

var generationSuffix = regexp.MustCompile(`^[0-9a-f]{8}_(Chunks|Ledger)$`)

// The ids of the ledger's objects. A chunk's is its own.
var recordID = uuid.NewSHA1(uuid.NameSpaceURL, []byte("record")).String()

func rowID(document string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("row\x00"+document)).String()
}

func stagedID(document, chunk string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("staged\x00"+document+"\x00"+chunk)).String()
}
