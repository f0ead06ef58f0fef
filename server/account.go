package server

import "net/http"

// showAccount is GET /v1/me: who the token's owner is to the server.
func (s *Server) showAccount(c *call) error { return c.answer(http.StatusOK, c.who) }
