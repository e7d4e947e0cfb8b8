import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

/** What data and panels may not know: they run where there is no JupyterLab. */
const withoutJupyterLab = {
  'no-restricted-imports': ['error', { patterns: ['@jupyterlab/*', '@lumino/*', '**/lab/*', '**/widget/*'] }]
};

export default tseslint.config(
  { ignores: ['lib', 'dist', 'node_modules'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      curly: ['error', 'multi-line'],
      eqeqeq: 'error',
      'no-console': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Text from a store or a payload never becomes HTML.
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML', message: 'Use textContent or replaceChildren.' },
        { property: 'outerHTML', message: 'Use textContent or replaceChildren.' },
        { property: 'insertAdjacentHTML', message: 'Use append or replaceChildren.' }
      ]
    }
  },
  { files: ['src/data/**', 'src/panels/**'], rules: withoutJupyterLab },
  { files: ['tests/**', 'src/**/*.test.ts'], rules: { '@typescript-eslint/require-await': 'off' } },
  { files: ['**/*.mjs', 'dev/**/*.js'], ...tseslint.configs.disableTypeChecked },
  { files: ['**/*.mjs', 'dev/**/*.js'], languageOptions: { globals: { console: 'readonly', process: 'readonly' } } },
  prettier
);
