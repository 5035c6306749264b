package messaging

import "usher/internal/db"

var messages = db.Table[Message]{
	Name: "messaging_message",
	Row:  func(m *Message) *db.Row { return &m.Row },
	Columns: []db.Column[Message]{
		{Name: "status", Field: func(m *Message) any { return &m.Status }},
		{Name: "inbound", Field: func(m *Message) any { return &m.Inbound }},
		{Name: "party_id", Field: func(m *Message) any { return &m.partyID }},
		{Name: "from_hash", Field: func(m *Message) any { return &m.fromHash }},
		{Name: "to_hash", Field: func(m *Message) any { return &m.toHash }},
		{Name: "connection_sid", Field: func(m *Message) any { return &m.Connection }},
		{Name: "service_sid", Field: func(m *Message) any { return &m.Service }},
		{Name: "sent_at", Field: func(m *Message) any { return &m.SentAt }},
	},
	Doc: func(m *Message) any { return &m.MessageDocument },
}

var parties = db.Table[party]{
	Name: "messaging_party",
	Row:  func(p *party) *db.Row { return &p.Row },
	Columns: []db.Column[party]{
		{Name: "address_hash", Field: func(p *party) any { return &p.hash }},
		{Name: "window_at", Field: func(p *party) any { return &p.windowAt }},
		{Name: "replies", Field: func(p *party) any { return &p.replies }},
	},
}

var numbers = db.Table[Number]{
	Name: "messaging_number", Steady: true,
	Row: func(n *Number) *db.Row { return &n.Row },
	Columns: []db.Column[Number]{
		{Name: "kind", Field: func(n *Number) any { return &n.Kind }},
		{Name: "address_hash", Field: func(n *Number) any { return &n.hash }},
		{Name: "connection_sid", Field: func(n *Number) any { return &n.Connection }},
		{Name: "service_sid", Field: func(n *Number) any { return &n.Service }},
	},
	Doc: func(n *Number) any { return &n.NumberDocument },
}

var applications = db.Table[Application]{
	Name: "messaging_application", Steady: true,
	Row: func(a *Application) *db.Row { return &a.Row },
	Doc: func(a *Application) any { return &a.ApplicationDocument },
}

var services = db.Table[Service]{
	Name: "messaging_service", Steady: true,
	Row: func(s *Service) *db.Row { return &s.Row },
	Doc: func(s *Service) any { return &s.ServiceDocument },
}
