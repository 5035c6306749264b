/** A handful of pictures for the pickers of widget and desk; systems have their own picker for the rest. */
export const emoji = '😀 😂 😊 😍 🤔 😅 😢 😡 👍 👎 🙏 👏 💪 👋 🤝 🎉 ❤️ 🔥 ✨ ⭐ ✅ ❌ ⚠️ ❓ 📦 🚚 🚲 🔧 💡 📷 📅 🕐'.split(' ');
