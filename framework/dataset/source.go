package dataset

import (
	"context"

	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// Source loads a data set. Its struct's fields are the options that a recipe may set, as package plugin describes them.
type Source interface {
	// Load reads the whole data set, the same one at every call. Whatever it reads from outside is not trusted: what is
	// missing, broken, or absurdly large is an error that names the file.
	Load(ctx context.Context) (*Dataset, error)
}

var sources = plugin.NewRegistry[Source]("data set")

// Register adds a source. The constructor returns one with its default options and reads nothing; doc is one line for
// listings. It panics if the name is empty or taken.
func Register(name, doc string, construct func() Source) { sources.Register(name, doc, construct) }

// New returns the source with its default options. The error for an unknown name is a *plugin.UnknownError.
func New(name string) (Source, error) { return sources.New(name) }

// Names returns the names of all sources in alphabetical order.
func Names() []string { return sources.Names() }

// Doc returns the line that the source was registered with.
func Doc(name string) string { return sources.Doc(name) }
