package server

import "github.com/arpenteur/arpenteur/syncengine"

// Route is a route as tests walk them.
type Route struct{ Method, Path, Action string }

// Routes returns every route.
func Routes() []Route {
	var out []Route
	for _, rt := range routes() {
		out = append(out, Route{rt.method, rt.path, string(rt.action)})
	}
	return out
}

// Allowed asks the table of permissions.
func Allowed(role syncengine.Role, act string) bool { return allowed(role, action(act)) }

// RoleLocal is the role of Local.
const RoleLocal = roleLocal

// MaxPage is the limit of a page.
const MaxPage = maxPage

// Uploads returns how many photos are being received.
func (s *Server) Uploads() int { return s.photos.Uploads() }

// Document makes the document of /openapi.json.
func Document() ([]byte, error) { return describe() }
