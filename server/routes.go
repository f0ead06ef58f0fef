package server

import "net/http"

// route is one thing that can be asked of the server.
type route struct {
	method, path string
	action       action // that the permissions know it by
	handle       func(s *Server, c *call) error
}

// routes is everything that can be asked.
func routes() []route {
	const (
		get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
		ledger                = "/v1/ledgers/{ledger}"
		record                = ledger + "/records/{kind}/{id}"
		photo                 = ledger + "/photos/{hash}"
		device                = "/v1/devices/{replica}"
	)
	return []route{
		// Tablets.
		{post, "/v1/sync", actReplica, (*Server).handleSync},
		{post, "/v1/enrolments", actAnyone, (*Server).handleEnrol},
		{post, "/v1/successions", actReplica, (*Server).handleSucceed},
		{post, "/v1/photos/status", actReplica, (*Server).tellPhotos},
		{patch, photo, actReplica, (*Server).receivePhoto},

		// Operation.
		{get, "/healthz", actAnyone, (*Server).showHealth},
		{get, "/readyz", actAnyone, (*Server).showReady},
		{get, "/metrics", actObserve, (*Server).showMetrics},

		// Who and what there is.
		{get, "/v1/me", actAccount, (*Server).showAccount},
		{get, "/v1/audit", actReadAudit, (*Server).listAudit},
		{get, "/v1/tokens", actListTokens, (*Server).listTokens},
		{post, "/v1/tokens", actMakeToken, (*Server).makeToken},
		{del, "/v1/tokens/{id}", actRevokeToken, (*Server).revokeToken},
		{get, "/v1/diagnostics", actListDiagnostic, (*Server).listDiagnostics},
		{post, "/v1/diagnostics", actOrder, (*Server).orderDiagnostic},
		{get, "/v1/diagnostics/{id}/places", actReadPlaces, (*Server).listPlaces},
		{post, "/v1/diagnostics/{id}/places", actMakePlaces, (*Server).makePlaces},
		{get, "/v1/neighbourhoods", actReadNeighbourhoods, (*Server).listNeighbourhoods},
		{get, "/v1/neighbourhoods/{code}", actReadNeighbourhoods, (*Server).showNeighbourhood},
		{post, "/v1/imports/{kind}", actImport, (*Server).importFile},
		{post, "/v1/tickets", actTicket, (*Server).makeTicket},
		{get, "/v1/devices", actListDevices, (*Server).listDevices},
		{post, device + "/grants", actGrant, (*Server).grantDevice},
		{post, device + "/revoke", actRevoke, (*Server).revokeDevice},

		// Checklists.
		{get, "/v1/checklists", actReadChecklists, (*Server).listBuiltin},
		{get, ledger + "/checklists", actReadChecklists, (*Server).listChecklists},
		{post, ledger + "/checklists", actPublish, (*Server).publishChecklist},
		{get, ledger + "/checklists/{version}", actReadChecklists, (*Server).showChecklist},

		// Reading.
		{get, "/v1/ledgers", actReadRecords, (*Server).listLedgers},
		{get, "/v1/events", actListen, (*Server).streamEvents},
		{get, ledger + "/records", actReadRecords, (*Server).listRecords},
		{get, record, actReadRecords, (*Server).showRecord},
		{get, record + "/history", actReadRecords, (*Server).showHistory},
		{get, ledger + "/changes/{id}", actReadRecords, (*Server).showChange},
		{get, ledger + "/notices", actReadRecords, (*Server).listNotices},
		{get, ledger + "/rulings", actReadRulings, (*Server).listRulings},
		{get, photo, actReadPhotos, (*Server).sendPhoto},
		{get, ledger + "/export.csv", actReadRecords, (*Server).exportCSV},
		{get, ledger + "/export.geojson", actReadRecords, (*Server).exportGeoJSON},

		// Deciding.
		{post, ledger + "/records", actEdit, (*Server).createRecord},
		{post, record + "/edit", actEdit, (*Server).editRecord},
		{post, record + "/settle", actSettle, (*Server).settleRecord},
		{post, ledger + "/rulings", actRule, (*Server).makeRuling},
	}
}
