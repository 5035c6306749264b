package proxy

import "usher/internal/db"

var services = db.Table[Service]{
	Name: "proxy_service", Steady: true,
	Row: func(s *Service) *db.Row { return &s.Row },
	Columns: []db.Column[Service]{
		{Name: "name_hash", Field: func(s *Service) any { return &s.nameHash }},
		{Name: "chat_sid", Field: func(s *Service) any { return &s.chat }},
	},
	Doc: func(s *Service) any { return &s.ServiceDocument },
}

var numbers = db.Table[Number]{
	Name: "proxy_number", Steady: true,
	Row: func(n *Number) *db.Row { return &n.Row },
	Columns: []db.Column[Number]{
		{Name: "service_id", Field: func(n *Number) any { return &n.service }},
		{Name: "short", Field: func(n *Number) any { return &n.Short }},
		{Name: "reserved", Field: func(n *Number) any { return &n.Reserved }},
		{Name: "address_hash", Field: func(n *Number) any { return &n.addressHash }},
	},
	Doc: func(n *Number) any { return &n.NumberDocument },
}

var sessions = db.Table[Session]{
	Name: "proxy_session",
	Row:  func(s *Session) *db.Row { return &s.Row },
	Columns: []db.Column[Session]{
		{Name: "service_id", Field: func(s *Session) any { return &s.service }},
		{Name: "name_hash", Field: func(s *Session) any { return &s.nameHash }},
		{Name: "status", Field: func(s *Session) any { return &s.Status }},
		{Name: "expires_at", Field: func(s *Session) any { return &s.expiresAt }},
		{Name: "ended_at", Field: func(s *Session) any { return &s.EndedAt }},
	},
	Doc: func(s *Session) any { return &s.SessionDocument },
}

var participants = db.Table[Participant]{
	Name: "proxy_participant",
	Row:  func(p *Participant) *db.Row { return &p.Row },
	Columns: []db.Column[Participant]{
		{Name: "service_id", Field: func(p *Participant) any { return &p.service }},
		{Name: "session_id", Field: func(p *Participant) any { return &p.session }},
		{Name: "number_id", Field: func(p *Participant) any { return &p.number }},
		{Name: "identifier_hash", Field: func(p *Participant) any { return &p.identifierHash }},
		{Name: "active", Field: func(p *Participant) any { return &p.active }},
		{Name: "removed_at", Field: func(p *Participant) any { return &p.removedAt }},
	},
	Doc: func(p *Participant) any { return &p.ParticipantDocument },
}

var interactions = db.Table[Interaction]{
	Name: "proxy_interaction",
	Row:  func(i *Interaction) *db.Row { return &i.Row },
	Columns: []db.Column[Interaction]{
		{Name: "session_id", Field: func(i *Interaction) any { return &i.session }},
		{Name: "told_id", Field: func(i *Interaction) any { return &i.told }},
		{Name: "inbound_sid", Field: func(i *Interaction) any { return &i.inbound }},
		{Name: "outbound_sid", Field: func(i *Interaction) any { return &i.outbound }},
	},
	Doc: func(i *Interaction) any { return &i.InteractionDocument },
}
