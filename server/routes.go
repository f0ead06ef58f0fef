package server

import (
	"slices"

	"github.com/arpenteur/arpenteur/internal/openapi"
	"github.com/arpenteur/arpenteur/syncengine/wire"
	"github.com/arpenteur/arpenteur/syncengine/wire/file"
)

// route is one thing that can be asked of the server.
type route struct {
	method, path string
	action       action // that the permissions know it by
	handle       func(s *Server, c *call) error
	about        openapi.Operation // for /openapi.json
}

// routes is everything that can be asked.
func routes() []route {
	return slices.Concat(tabletRoutes(), operationRoutes(), peopleRoutes(), setupRoutes(), uploadRoutes(), checklistRoutes(), readingRoutes(), historyRoutes(), decidingRoutes(), hookRoutes())
}

const (
	ledgerPath = "/v1/ledgers/{ledger}"
	recordPath = ledgerPath + "/records/{kind}/{id}"
	photoPath  = ledgerPath + "/photos/{hash}"
	devicePath = "/v1/devices/{replica}"
)

func tabletRoutes() []route {
	does := openapi.Does
	return []route{
		{
			"POST", "/v1/sync", actReplica, (*Server).handleSync,
			does("Exchange what tablet and server lack of each other").
				Detail("Both bodies are zstd streams of frames: docs/PROTOCOL.md, section 5.").
				TakesMedia(wire.MediaType, nil).AnswersMedia(200, wire.MediaType),
		},
		{
			"POST", "/v1/enrolments", actAnyone, (*Server).handleEnrol,
			does("Enrol a tablet with a code").Detail("docs/PROTOCOL.md, section 7.2. Repeating the request is harmless.").
				Takes(enrolmentSchema()).Answers(201, enrolledSchema()),
		},
		{
			"POST", "/v1/successions", actReplica, (*Server).handleSucceed,
			does("Name the replica that continues the signing one").Detail("docs/PROTOCOL.md, section 7.3. Repeating the request is harmless.").
				Takes(successionSchema()).Answers(201, enrolledSchema()),
		},
		{
			"POST", "/v1/returns", actAnyone, (*Server).takeReturns,
			does("Bring back lines of the authority that a restored server lost").
				Detail("The body is a zstd stream of frames: docs/PROTOCOL.md, section 7.5. It needs no account: the lines are the authority's own.").
				TakesMedia(wire.MediaType, nil).Answers(200, returned{}),
		},
		{
			"POST", "/v1/photos/status", actReplica, (*Server).tellPhotos,
			does("What there is of photos").Detail("docs/PROTOCOL.md, section 7.4.").Takes(photosAskedSchema()).Answers(200, photosToldSchema()),
		},
		{
			"PATCH", photoPath, actReplica, (*Server).receivePhoto,
			does("Send bytes of a photo, from an offset on").
				Detail("docs/PROTOCOL.md, section 7.4. 204: more is missing; 201 and 200: it is whole, with the receipt.").
				TakesMedia(wire.UploadMediaType, nil).
				Answers(204, nil).Answers(201, photoReceiptSchema()).Answers(200, photoReceiptSchema()),
		},
	}
}

func operationRoutes() []route {
	does := openapi.Does
	return []route{
		{
			"GET", "/openapi.json", actAnyone, (*Server).showDocument,
			does("This document").Answers(200, openapi.Schema{"type": "object"}),
		},
		{"GET", "/healthz", actAnyone, (*Server).showHealth, does("Whether the program runs").Answers(200, health{})},
		{
			"GET", "/readyz", actAnyone, (*Server).showReady,
			does("Whether the store can be read and written").Answers(200, readiness{}),
		},
		{
			"GET", "/metrics", actObserve, (*Server).showMetrics,
			does("Figures of operation, for Prometheus").AnswersMedia(200, "text/plain"),
		},
		{
			"POST", "/v1/backups", actBackUp, (*Server).makeBackup,
			does("Make a backup in a folder of the machine, and verify it").
				Detail("For the machine's own command line alone. The answer is a line of JSON for each thing to tell, the last of which has the backup.").
				Takes(backupOrder{}).Streams(200, linesMedia, backupLine{}),
		},
		{
			"POST", "/v1/compactions", actCompact, (*Server).compactStore,
			does("Write the store's file anew, so that nothing redacted is left in it").Answers(200, compaction{}),
		},
		{"GET", "/v1/me", actAccount, (*Server).showAccount, does("Who the asker is here").Answers(200, Person{})},
		{
			"GET", "/v1/audit", actReadAudit, (*Server).listAudit,
			does("The trail of administrative acts, newest first").Query(paging()...).Answers(200, auditPage{}),
		},
	}
}

// peopleRoutes are about who there is: people by their tokens, and tablets.
func peopleRoutes() []route {
	does := openapi.Does
	return []route{
		{
			"GET", "/v1/tokens", actListTokens, (*Server).listTokens,
			does("Everybody's tokens and rights, by account").Answers(200, tokenList{}),
		},
		{
			"POST", "/v1/tokens", actMakeToken, (*Server).makeToken,
			does("Make a token for a person").Detail("The answer is the only time that the token is told.").Takes(tokenOrder{}).
				Answers(201, newPerson{}),
		},
		{"DELETE", "/v1/tokens/{id}", actRevokeToken, (*Server).revokeToken, does("Revoke a token").Answers(204, nil)},
		{
			"POST", "/v1/tickets", actTicket, (*Server).makeTicket,
			does("Make an enrolment code for a tablet").Detail("It works once, for ten minutes.").Takes(ticketOrder{}).
				Answers(201, ticketAnswer{}),
		},
		{
			"GET", "/v1/devices", actListDevices, (*Server).listDevices,
			does("Tablets, and what is held of each").Answers(200, deviceList{}),
		},
		{
			"POST", devicePath + "/grants", actGrant, (*Server).grantDevice,
			does("Open diagnostics to a tablet").Takes(grantOrder{}).Answers(200, deviceView{}),
		},
		{
			"POST", devicePath + "/revoke", actRevoke, (*Server).revokeDevice,
			does("Take ledgers back from a tablet").Detail("What the tablet still brings is kept and set aside.").Takes(revokeOrder{}).
				Answers(200, deviceView{}),
		},
		{
			"POST", "/v1/files", actTakeFile, (*Server).takeFile,
			does("Take in a file that a tablet exported").
				Detail("docs/PROTOCOL.md, section 10. Repeating it is harmless; of a file that is cut or damaged what is whole is taken.").
				Query(uploadParameterOf()).TakesMedia(file.MediaType, nil).Answers(200, fileView{}),
		},
	}
}

// setupRoutes are about what is surveyed: diagnostics, neighbourhoods and places.
func setupRoutes() []route {
	does := openapi.Does
	return []route{
		{
			"GET", "/v1/diagnostics", actListDiagnostic, (*Server).listDiagnostics,
			does("The diagnostics that are open to the asker, by name").Answers(200, diagnosticList{}),
		},
		{
			"POST", "/v1/diagnostics", actOrder, (*Server).orderDiagnostic,
			does("Order a diagnostic").
				Detail("Opens its ledgers, with the checklists that come with the program. An `id` that is known answers 200 with what there is.").
				Takes(diagnosticOrder{}).Answers(201, Diagnostic{}).Answers(200, Diagnostic{}),
		},
		{
			"GET", "/v1/diagnostics/{id}/places", actReadPlaces, (*Server).listPlaces,
			does("The place tree of a diagnostic").Answers(200, placeForest{}),
		},
		{
			"POST", "/v1/diagnostics/{id}/places", actMakePlaces, (*Server).makePlaces,
			does("Make places, each with those in it").Detail("All are made or none. A place whose `id` is known is left as it is.").
				Takes(placeOrder{}).Takes([]placeOrder{}).Answers(201, madePlaces{}),
		},
		{
			"GET", "/v1/neighbourhoods", actReadNeighbourhoods, (*Server).listNeighbourhoods,
			does("The list of neighbourhoods that diagnostics are ordered from, by code, without outlines").Query(
				openapi.Parameter{Name: "bbox", About: "West, south, east and north in degrees: those whose outline's box meets it"},
				openapi.Parameter{Name: "commune", About: "An INSEE code, or its beginning: a département"},
				openapi.Parameter{Name: "q", About: "Words in code, name and communes, whatever their case and accents"},
			).Query(paging()...).Answers(200, neighbourhoodPage{}),
		},
		{
			"GET", "/v1/neighbourhoods/{code}", actReadNeighbourhoods, (*Server).showNeighbourhood,
			does("One neighbourhood of the list, with its outline as GeoJSON").Answers(200, neighbourhoodView{}),
		},
		{
			"POST", "/v1/imports/{kind}", actImport, (*Server).importFile,
			does("Import a file: outlines, places, actors or inspections").
				Detail("The body is the file, or a form with the parts `mapping` and then `file`. The answer is a line of JSON for each thing to tell, "+
					"the last of which has the totals. The same file again changes nothing.").
				Query(
					openapi.Parameter{Name: "diagnostic", About: "The diagnostic that the file is for; outlines alone have none", Schema: uuidSchema()},
					openapi.Parameter{Name: "dry_run", About: "true: say what would be done, and do nothing", Schema: oneOf([]string{"true", "false"})},
					openapi.Parameter{Name: "source", About: "Tells rows of different owners apart that name theirs alike"},
					uploadParameterOf(),
					openapi.Parameter{
						Name: "after", About: "Leave out what concerns lines up to this one: it was told before the answer was cut",
						Schema: openapi.Schema{"type": "integer", "minimum": 0},
					},
				).
				TakesMedia("*/*", nil).Streams(200, linesMedia, importLine{}),
		},
	}
}

// uploadRoutes send files over links that are cut.
func uploadRoutes() []route {
	const path = "/v1/uploads/{id}"
	does := openapi.Does
	return []route{
		{
			"POST", "/v1/uploads", actUpload, (*Server).beginUpload,
			does("Begin to send a file piece by piece, to import it or take it in").
				Detail("The file is dropped after a day without use, and when the server ends.").Takes(uploadOrder{}).Answers(201, uploadView{}),
		},
		{
			"GET", path, actUpload, (*Server).showUpload,
			does("How much of a file is here").Answers(200, uploadView{}),
		},
		{
			"PATCH", path, actUpload, (*Server).receiveUpload,
			does("Send bytes of a file, from Upload-Offset on; what comes before a cut stays").
				TakesMedia(wire.UploadMediaType, nil).Answers(204, nil),
		},
		{
			"DELETE", path, actUpload, (*Server).dropUpload,
			does("Drop a file that was sent").Answers(204, nil),
		},
	}
}

func uploadParameterOf() openapi.Parameter {
	return openapi.Parameter{Name: "upload", About: "The file was sent before (POST /v1/uploads) and has this id; the body is empty, or an import's mapping", Schema: uuidSchema()}
}

// checklistRoutes are about what is asked.
func checklistRoutes() []route {
	does := openapi.Does
	return []route{
		{
			"GET", "/v1/checklists", actReadChecklists, (*Server).listBuiltin,
			does("The checklists that come with the program").Answers(200, checklistList{}),
		},
		{
			"GET", ledgerPath + "/checklists", actReadChecklists, (*Server).listChecklists,
			does("The checklists in force in a ledger").Answers(200, checklistList{}),
		},
		{
			"POST", ledgerPath + "/checklists", actPublish, (*Server).publishChecklist,
			does("Publish a version of a checklist").
				Detail("It succeeds the one in force. A version that was published already is answered as it is.").
				Takes(publication{}).Answers(201, checklistView{}),
		},
		{
			"GET", ledgerPath + "/checklists/{version}", actReadChecklists, (*Server).showChecklist,
			does("The content of a published version, as it was hashed").Answers(200, openapi.Schema{"type": "object"}),
		},
	}
}

func readingRoutes() []route {
	does := openapi.Does
	return []route{
		{
			"GET", "/v1/ledgers", actReadRecords, (*Server).listLedgers,
			does("The ledgers that are open to the asker, with how many records ask for a person").Answers(200, ledgerList{}),
		},
		{
			"GET", "/v1/events", actListen, (*Server).streamEvents,
			does("What moves, as server-sent events").
				Detail("Event `moved`, data `{\"ledger\":…,\"version\":…}`, for each ledger that is open to the asker. "+
					"The first ones say where every ledger is.").
				AnswersMedia(200, "text/event-stream"),
		},
		{
			"GET", ledgerPath + "/records", actReadRecords, (*Server).listRecords,
			does("Merged records").Detail(filterDetail).Query(filters()...).Query(paging()...).Answers(200, recordPage{}),
		},
		{
			"GET", recordPath, actReadRecords, (*Server).showRecord,
			does("One merged record with every survivor and where it is from").Answers(200, recordView{}),
		},
		{
			"GET", recordPath + "/history", actReadRecords, (*Server).showHistory,
			does("Every change of a record, by author time, those without effect included").Answers(200, history{}),
		},
		{"GET", ledgerPath + "/changes/{id}", actReadRecords, (*Server).showChange, does("One change").Answers(200, changeView{})},
		{
			"GET", ledgerPath + "/notices", actReadRecords, (*Server).listNotices,
			does("What the records say together and no single one can break").Answers(200, noticeList{}),
		},
		{
			"GET", ledgerPath + "/rulings", actReadRulings, (*Server).listRulings,
			does("The authority's decisions, in its log's order").Query(paging()...).Answers(200, rulingPage{}),
		},
		{
			"GET", photoPath, actReadPhotos, (*Server).sendPhoto,
			does("A photo, or a small one").Detail("Ranges and validators are those of RFC 9110.").
				Query(openapi.Parameter{Name: "size", About: "Left out: the photo as it was sent", Schema: oneOf([]string{"thumbnail"})}).
				AnswersMedia(200, wire.PhotoMediaType).AnswersMedia(206, wire.PhotoMediaType, "multipart/byteranges").Answers(304, nil),
		},
		{
			"GET", ledgerPath + "/export.ndjson", actReadRecords, (*Server).exportLines,
			does("Merged records for programs: JSON, one on each line").
				Detail(filterDetail+" An export that was cut goes on behind the `cursor` of its last whole line.").
				Query(filters()...).Query(cursorParameter()).Streams(200, linesMedia, recordLine{}),
		},
		{
			"GET", ledgerPath + "/export.csv", actReadRecords, (*Server).exportCSV,
			does("Merged records as CSV (RFC 4180)").Detail(filterDetail).Query(filters()...).Query(markParameter()).AnswersMedia(200, "text/csv"),
		},
		{
			"GET", ledgerPath + "/export.geojson", actReadRecords, (*Server).exportGeoJSON,
			does("Merged records as GeoJSON (RFC 7946)").Detail(filterDetail).Query(filters()...).AnswersMedia(200, "application/geo+json"),
		},
	}
}

// historyDetail says what the exports of history have in common.
const historyDetail = "Who wrote what over what, when, on which tablet, and what became of it: every change of the records that the parameters want, " +
	"absent records and changes without effect included; record by record, and of each record by author time."

func historyRoutes() []route {
	does := openapi.Does
	return []route{
		{
			"GET", ledgerPath + "/history.ndjson", actReadRecords, (*Server).exportHistoryLines,
			does("Every change for programs: JSON, one on each line").
				Detail(historyDetail+" One that was cut goes on behind the last `cursor`.").
				Query(filters()...).Query(cursorParameter()).Streams(200, linesMedia, changeLine{}),
		},
		{
			"GET", ledgerPath + "/history.csv", actReadRecords, (*Server).exportHistoryCSV,
			does("Every change as CSV, one row for each value").Detail(historyDetail).
				Query(filters()...).Query(markParameter()).AnswersMedia(200, "text/csv"),
		},
		{
			"GET", ledgerPath + "/history.geojson", actReadRecords, (*Server).exportHistoryGeoJSON,
			does("Every change as GeoJSON, where its record lies now").Detail(historyDetail).
				Query(filters()...).AnswersMedia(200, "application/geo+json"),
		},
	}
}

func decidingRoutes() []route {
	does := openapi.Does
	return []route{
		{
			"POST", ledgerPath + "/records", actEdit, (*Server).createRecord,
			does("Write a record").Detail("A record whose `id` is known is answered with 200 and left as it is.").Takes(newRecord{}).
				Answers(201, recordView{}).Answers(200, recordView{}),
		},
		{
			"POST", recordPath + "/edit", actEdit, (*Server).editRecord,
			does("Edit a record").
				Detail("`seen` is what reading the record gave: a value is replaced only by somebody who saw it. "+
					"What moved on since is refused as `stale`, with the record as it is now.").
				Takes(edition{}).Answers(200, recordView{}),
		},
		{
			"POST", recordPath + "/settle", actSettle, (*Server).settleRecord,
			does("Settle fields whose values differ").
				Detail("`seen` is what reading the record gave. At each path give `choose`, a change whose value it is to be, or `value`.").
				Takes(settlement{}).Answers(200, recordView{}),
		},
		{
			"POST", ledgerPath + "/rulings", actRule, (*Server).makeRuling,
			does("Rule on a change").Takes(rulingOrder{}).Answers(201, changeView{}),
		},
	}
}
