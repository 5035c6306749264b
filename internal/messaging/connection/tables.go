package connection

import "usher/internal/db"

var connections = db.Table[Connection]{
	Name: "messaging_connection", Steady: true,
	Row: func(v *Connection) *db.Row { return &v.Row },
	Columns: []db.Column[Connection]{
		{Name: "kind", Field: func(v *Connection) any { return &v.Kind }},
		{Name: "enabled", Field: func(v *Connection) any { return &v.Enabled }},
	},
	Doc: func(v *Connection) any { return &v.Document },
}
