package server

import (
	"sync"

	"github.com/arpenteur/arpenteur/schemas"
	"github.com/arpenteur/arpenteur/syncengine"
)

// formCache keeps the form of each version in each language. Both name its content, so it is never wrong.
type formCache struct {
	mu    sync.Mutex
	forms map[formName]*schemas.Form
}

type formName struct {
	version syncengine.VersionID
	lang    string
}

func newFormCache() *formCache { return &formCache{forms: map[formName]*schemas.Form{}} }

func (c *formCache) of(v *schemas.Version, lang string) *schemas.Form {
	name := formName{v.ID, lang}
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.forms[name]
	if f == nil {
		f = schemas.FormModel(v, lang)
		c.forms[name] = f
	}
	return f
}
