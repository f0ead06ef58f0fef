package server

import (
	"maps"
	"slices"

	"github.com/arpenteur/arpenteur/internal/openapi"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// The schemas in this file are of bodies that package wire encodes by hand, since their bytes are part of the protocol.

func enrolmentSchema() openapi.Schema {
	return required(map[string]openapi.Schema{
		"code": {"type": "string"}, "key": hashSchema(), "name": {"type": "string"}, "proof": signatureSchema(),
	})
}

func successionSchema() openapi.Schema {
	return required(map[string]openapi.Schema{"key": hashSchema(), "proof": signatureSchema()})
}

func enrolledSchema() openapi.Schema {
	return required(map[string]openapi.Schema{"account": {"type": "string"}, "replica": hashSchema(), "root": hashSchema()})
}

func signatureSchema() openapi.Schema {
	return openapi.Schema{"type": "string", "pattern": "^[A-Za-z0-9_-]{86}$"}
}

func photosAskedSchema() openapi.Schema {
	name := required(map[string]openapi.Schema{"hash": hashSchema(), "ledger": hashSchema()})
	return required(map[string]openapi.Schema{"photos": {"type": "array", "items": name}})
}

func photosToldSchema() openapi.Schema {
	states := []wire.PhotoState{wire.PhotoMissing, wire.PhotoHeld, wire.PhotoBackedUp, wire.PhotoBarred, wire.PhotoUnknownLedger}
	status := required(map[string]openapi.Schema{"hash": hashSchema(), "ledger": hashSchema(), "state": oneOf(states)})
	members, _ := status["properties"].(map[string]openapi.Schema)
	members["offset"] = openapi.Schema{"type": "integer", "minimum": 0, "description": "bytes that are durable already, of a photo that is missing"}
	members["receipt"] = photoReceiptSchema()
	return required(map[string]openapi.Schema{"photos": {"type": "array", "items": status}})
}

func photoReceiptSchema() openapi.Schema {
	return required(map[string]openapi.Schema{
		"backed_up": {"type": "boolean"}, "hash": hashSchema(), "ledger": hashSchema(), "signature": signatureSchema(),
		"size": {"type": "integer", "minimum": 1, "description": "in bytes"},
	})
}

// required is the schema of an object that has all of these members.
func required(members map[string]openapi.Schema) openapi.Schema {
	return openapi.Schema{"type": "object", "properties": members, "required": slices.Sorted(maps.Keys(members))}
}
