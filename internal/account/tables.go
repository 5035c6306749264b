package account

import "usher/internal/db"

var accounts = db.Table[Account]{
	Name: "account",
	Row:  func(a *Account) *db.Row { return &a.Row },
	Columns: []db.Column[Account]{
		{Name: "owner_id", Field: func(a *Account) any { return &a.OwnerID }},
		{Name: "owner_sid", Field: func(a *Account) any { return &a.OwnerSID }},
		{Name: "status", Field: func(a *Account) any { return &a.Status }},
	},
	Doc: func(a *Account) any { return &a.Details },
}

var keys = db.Table[Key]{
	Name: "account_key",
	Row:  func(k *Key) *db.Row { return &k.Row },
	Columns: []db.Column[Key]{
		{Name: "kind", Field: func(k *Key) any { return &k.Kind }},
	},
	Doc: func(k *Key) any { return &k.KeyDetails },
}

var people = db.Table[Person]{
	Name: "account_person",
	Row:  func(p *Person) *db.Row { return &p.Row },
	Columns: []db.Column[Person]{
		{Name: "email_hash", Field: func(p *Person) any { return &p.emailHash }},
		{Name: "worker_sid", Field: func(p *Person) any { return &p.Worker }},
		{Name: "token_epoch", Field: func(p *Person) any { return &p.TokenEpoch }},
	},
	Doc: func(p *Person) any { return &p.PersonDetails },
}

var sessions = db.Table[Session]{
	Name: "account_session",
	Row:  func(s *Session) *db.Row { return &s.Row },
	Columns: []db.Column[Session]{
		{Name: "person_id", Field: func(s *Session) any { return &s.PersonID }},
		{Name: "secret_hash", Field: func(s *Session) any { return &s.secretHash }},
		{Name: "by_link", Field: func(s *Session) any { return &s.ByLink }},
		{Name: "seen_at", Field: func(s *Session) any { return &s.SeenAt }},
		{Name: "expires_at", Field: func(s *Session) any { return &s.ExpiresAt }},
	},
}

var links = db.Table[link]{
	Name: "account_link",
	Row:  func(l *link) *db.Row { return &l.Row },
	Columns: []db.Column[link]{
		{Name: "person_id", Field: func(l *link) any { return &l.personID }},
		{Name: "secret_hash", Field: func(l *link) any { return &l.secretHash }},
		{Name: "expires_at", Field: func(l *link) any { return &l.expiresAt }},
	},
}
