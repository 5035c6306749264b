package hook

import "usher/internal/db"

var deliveries = db.Table[Delivery]{
	Name: "hook_delivery",
	Row:  func(d *Delivery) *db.Row { return &d.Row },
	Columns: []db.Column[Delivery]{
		{Name: "unique_key", Field: func(d *Delivery) any { return &d.unique }},
		{Name: "subject_sid", Field: func(d *Delivery) any { return &d.Subject }},
		{Name: "state", Field: func(d *Delivery) any { return &d.State }},
		{Name: "status", Field: func(d *Delivery) any { return &d.Status }},
		{Name: "attempts", Field: func(d *Delivery) any { return &d.Attempts }},
		{Name: "took_us", Field: func(d *Delivery) any { return &d.TookMicros }},
		{Name: "attempted_at", Field: func(d *Delivery) any { return &d.AttemptedAt }},
	},
	Doc: func(d *Delivery) any { return &d.Details },
}

var bodies = db.Table[body]{
	Name: "hook_body",
	Row:  func(b *body) *db.Row { return &b.Row },
	Doc:  func(b *body) any { return &b.sent },
}
