//! Stage 4: async/await.
