import js from '@eslint/js';
import globals from 'globals';

const rules = {
  ...js.configs.recommended.rules,
  eqeqeq: 'error',
  'no-var': 'error',
  'prefer-const': 'error',
  'no-shadow': 'error',
  'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
  'no-control-regex': 'off',
};
const language = (...kinds) => ({ ecmaVersion: 2024, sourceType: 'module', globals: Object.assign({}, ...kinds) });

export default [
  { ignores: ['dist/**', 'node_modules/**'] },
  { files: ['js/**/*.js', '*.js'], languageOptions: language(globals.browser, globals.worker, globals.nodeBuiltin), rules },
];
